(function_declaration name: (_) @name body: (_)? @body) @function
(chunk (variable_declaration (assignment_statement (variable_list name: (identifier) @name))) @value)
(chunk (assignment_statement (variable_list name: (_) @name)) @value)

(function_call
  name: (identifier) @_require (#eq? @_require "require")
  arguments: (arguments (string content: (_) @import.module))) @import
