(class_definition name: (_) @name body: (_)? @body) @type
(object_definition name: (_) @name body: (_)? @body) @type
(trait_definition name: (_) @name body: (_)? @body) @type
(enum_definition name: (_) @name body: (_) @body) @type
(function_definition name: (_) @name body: (_) @body) @function
(function_declaration name: (_) @name) @function
(template_body (val_definition pattern: (identifier) @name) @field)
(template_body (var_definition pattern: (identifier) @name) @field)
(compilation_unit (val_definition pattern: (identifier) @name) @value)
(type_definition name: (_) @name) @value

(package_clause name: (_) @package)
(import_declaration) @import @import.module
