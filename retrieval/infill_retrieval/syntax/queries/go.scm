(function_declaration name: (_) @name body: (_)? @body) @function
(method_declaration name: (_) @name body: (_)? @body) @function
(type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)) @type
(type_spec name: (_) @name type: (interface_type)) @value
(type_spec name: (_) @name) @value
(type_alias name: (_) @name) @value
(field_declaration name: (_) @name) @field
(source_file (const_declaration (const_spec name: (_) @name) @value))
(source_file (var_declaration (var_spec name: (_) @name) @value))
(source_file (var_declaration (var_spec_list (var_spec name: (_) @name) @value)))

(package_clause (package_identifier) @package)
(import_spec path: (interpreted_string_literal) @import.module) @import
(import_spec name: (package_identifier) @import.alias path: (_) @import.module) @import
