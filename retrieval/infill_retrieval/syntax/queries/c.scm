(function_definition declarator: (_) @name body: (_) @body) @function
(translation_unit (declaration declarator: (_) @name) @value)
(preproc_ifdef (declaration declarator: (_) @name) @value)
(preproc_if (declaration declarator: (_) @name) @value)
(linkage_specification body: (declaration_list (declaration declarator: (_) @name) @value))
(struct_specifier name: (_) @name body: (_) @body) @type
(union_specifier name: (_) @name body: (_) @body) @type
(enum_specifier name: (_) @name body: (_) @body) @type
(enumerator name: (_) @name) @field
(field_declaration declarator: (_) @name) @field
(type_definition
  type: [(struct_specifier body: (_) @body) (union_specifier body: (_) @body) (enum_specifier body: (_) @body)]
  declarator: (_) @name) @type
(type_definition declarator: (_) @name) @value
(preproc_def name: (_) @name) @value
(preproc_function_def name: (_) @name) @value

(preproc_include path: (_) @import.module) @import
