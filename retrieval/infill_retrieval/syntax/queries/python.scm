; @type holds members, @function hides what is inside it, @value is one name, @field belongs to
; the type around it wherever it stands. @body is left out of the signature.

(class_definition name: (identifier) @name body: (_) @body) @type
(function_definition name: (identifier) @name body: (_) @body) @function

(module (expression_statement (assignment left: (identifier) @name)) @value)
(module (type_alias_statement left: (type (identifier) @name)) @value)
(class_definition
  body: (block (expression_statement (assignment left: (identifier) @name)) @field))
(function_definition
  name: (identifier) @_init (#eq? @_init "__init__")
  body: (block (expression_statement
    (assignment
      left: (attribute object: (identifier) @_self (#eq? @_self "self")
                       attribute: (identifier) @name))) @field))

(import_statement name: (dotted_name) @import.module) @import
(import_statement
  name: (aliased_import name: (dotted_name) @import.module alias: (identifier) @import.alias)) @import
(import_from_statement
  module_name: (_) @import.module
  name: [(dotted_name) @import.name
         (aliased_import name: (dotted_name) @import.name alias: (identifier) @import.alias)]) @import
(import_from_statement module_name: (_) @import.module (wildcard_import)) @import
