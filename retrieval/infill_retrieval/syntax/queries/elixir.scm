(call
  target: (identifier) @_kind (#match? @_kind "^(defmodule|defprotocol|defimpl)$")
  (arguments (alias) @name)
  (do_block) @body) @type
(call
  target: (identifier) @_kind (#match? @_kind "^(def|defp|defmacro|defmacrop|defguard)$")
  (arguments [(call target: (identifier) @name)
              (identifier) @name
              (binary_operator left: (call target: (identifier) @name))])
  (do_block)? @body) @function
(unary_operator
  operator: "@"
  operand: (call target: (identifier) @_kind (#match? @_kind "^(type|spec|callback)$")
                 (arguments) @name)) @field

(call
  target: (identifier) @_kind (#match? @_kind "^(alias|import|use|require)$")
  (arguments (alias) @import.module)) @import
