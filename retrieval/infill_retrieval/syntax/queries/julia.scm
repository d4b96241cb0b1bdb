; The grammar gives bodies no node of their own: a body begins with what follows the head.
(module_definition name: (_) @name . (_) @body) @type
(struct_definition (type_head) @name) @value
(abstract_definition (type_head) @name) @value
(function_definition (signature) @name . (_)? @body) @function
(macro_definition (signature) @name . (_)? @body) @function
(source_file (assignment . (call_expression) @name) @value)
(module_definition (assignment . (call_expression) @name) @value)
(const_statement (assignment . (identifier) @name)) @value

(using_statement (_) @import.module) @import
(import_statement (_) @import.module) @import
(call_expression
  (identifier) @_include (#eq? @_include "include")
  (argument_list (string_literal (content) @import.module))) @import
