(class_declaration name: (_) @name body: (_) @body) @type
(interface_declaration name: (_) @name body: (_) @body) @type
(trait_declaration name: (_) @name body: (_) @body) @type
(enum_declaration name: (_) @name body: (_) @body) @type
(enum_case name: (_) @name) @field
(function_definition name: (_) @name body: (_) @body) @function
(method_declaration name: (_) @name body: (_)? @body) @function
(property_declaration (property_element name: (_) @name)) @field
(const_declaration (const_element (name) @name)) @field

(namespace_definition name: (_) @package)
(namespace_use_clause [(qualified_name) (name)] @import.module) @import
(include_expression (_ (string_content) @import.module)) @import
(include_once_expression (_ (string_content) @import.module)) @import
(require_expression (_ (string_content) @import.module)) @import
(require_once_expression (_ (string_content) @import.module)) @import
