(class_declaration name: (_) @name body: (_) @body) @type
(function_declaration name: (_) @name body: (_) @body) @function
(generator_function_declaration name: (_) @name body: (_) @body) @function
(method_definition name: (_) @name body: (_) @body) @function
(field_definition property: (_) @name) @field

(program (lexical_declaration
  (variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body))) @function)
(program (export_statement (lexical_declaration
  (variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body)))) @function)
(program (lexical_declaration (variable_declarator name: (identifier) @name)) @value)
(program (variable_declaration (variable_declarator name: (identifier) @name)) @value)
(program (export_statement
  (lexical_declaration (variable_declarator name: (identifier) @name))) @value)
(program (expression_statement (assignment_expression
  left: (member_expression property: (property_identifier) @name)
  right: (function_expression body: (_) @body))) @function)
(program (expression_statement (assignment_expression
  left: (member_expression property: (property_identifier) @name)
  right: (arrow_function body: (_) @body))) @function)

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
(variable_declarator
  name: (identifier) @import.alias
  value: (call_expression
    function: (identifier) @_require (#eq? @_require "require")
    arguments: (arguments (string (string_fragment) @import.module)))) @import
(variable_declarator
  name: (object_pattern (shorthand_property_identifier_pattern) @import.name)
  value: (call_expression
    function: (identifier) @_require (#eq? @_require "require")
    arguments: (arguments (string (string_fragment) @import.module)))) @import
