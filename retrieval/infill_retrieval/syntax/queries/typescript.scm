(class_declaration name: (_) @name body: (_) @body) @type
(abstract_class_declaration name: (_) @name body: (_) @body) @type
(interface_declaration name: (_) @name body: (_) @body) @type
(enum_declaration name: (_) @name body: (_) @body) @type
(enum_body [(property_identifier) (enum_assignment)] @field @name)
(type_alias_declaration name: (_) @name value: (object_type) @body) @type
(type_alias_declaration name: (_) @name) @value
(internal_module name: (_) @name body: (_) @body) @type
(property_signature name: (_) @name) @field
(method_signature name: (_) @name) @function
(abstract_method_signature name: (_) @name) @function
(public_field_definition name: (_) @name) @field
(required_parameter (accessibility_modifier) pattern: (identifier) @name) @field
(function_declaration name: (_) @name body: (_) @body) @function
(generator_function_declaration name: (_) @name body: (_) @body) @function
(function_signature name: (_) @name) @function
(method_definition name: (_) @name body: (_) @body) @function

(program (lexical_declaration
  (variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body))) @function)
(program (export_statement (lexical_declaration
  (variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body)))) @function)
(program (lexical_declaration (variable_declarator name: (identifier) @name)) @value)
(program (export_statement
  (lexical_declaration (variable_declarator name: (identifier) @name))) @value)
(program (ambient_declaration
  (lexical_declaration (variable_declarator name: (identifier) @name))) @value)

(import_statement source: (string (string_fragment) @import.module)) @import
(import_statement
  (import_clause (named_imports (import_specifier name: (identifier) @import.name)))
  source: (string (string_fragment) @import.module)) @import
(import_statement
  (import_clause (named_imports (import_specifier alias: (identifier) @import.alias)))
  source: (string (string_fragment) @import.module)) @import
(import_statement
  (import_clause (identifier) @import.alias)
  source: (string (string_fragment) @import.module)) @import
(import_statement
  (import_clause (namespace_import (identifier) @import.alias))
  source: (string (string_fragment) @import.module)) @import
(export_statement source: (string (string_fragment) @import.module)) @import
(export_statement
  (export_clause (export_specifier name: (identifier) @import.name))
  source: (string (string_fragment) @import.module)) @import
