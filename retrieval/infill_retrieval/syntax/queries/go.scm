(function_declaration name: (_) @name body: (_)? @body) @function
(method_declaration
  receiver: (parameter_list (parameter_declaration type: (_) @owner))
  name: (_) @name body: (_)? @body) @function
(type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)) @type
(type_spec name: (_) @name type: (interface_type "{" @body)) @type
(method_elem name: (_) @name) @function
(type_spec name: (_) @name) @value
(type_alias name: (_) @name) @value
(field_declaration name: (_) @name) @field
(field_declaration !name type: (_) @name @base) @field
(source_file (const_declaration (const_spec name: (_) @name) @value))
(source_file (var_declaration (var_spec name: (_) @name) @value))
(source_file (var_declaration (var_spec_list (var_spec name: (_) @name) @value)))

(package_clause (package_identifier) @package)
(import_spec path: (interpreted_string_literal) @import.module) @import
(import_spec name: (package_identifier) @import.alias path: (_) @import.module) @import
