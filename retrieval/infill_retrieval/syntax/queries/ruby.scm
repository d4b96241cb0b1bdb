(class name: (_) @name body: (_)? @body) @type
(module name: (_) @name body: (_)? @body) @type
(method name: (_) @name body: (_)? @body) @function
(singleton_method name: (_) @name body: (_)? @body) @function
(assignment left: (constant) @name) @field
(call
  method: (identifier) @_attr (#match? @_attr "^attr_(reader|writer|accessor)$")
  arguments: (argument_list (simple_symbol) @name)) @field

(call
  method: (identifier) @_require (#match? @_require "^(require|require_relative|load)$")
  arguments: (argument_list (string (string_content) @import.module))) @import
