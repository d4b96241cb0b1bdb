(function_definition declarator: (_) @name body: (_) @body) @function
(function_definition
  declarator: (_ declarator: (qualified_identifier scope: (_) @owner) @name) body: (_) @body) @function
(function_definition declarator: (_) @name [(default_method_clause) (delete_method_clause)]) @function
(translation_unit (declaration declarator: (_) @name) @value)
(declaration_list (declaration declarator: (_) @name) @value)
(preproc_ifdef (declaration declarator: (_) @name) @value)
(preproc_if (declaration declarator: (_) @name) @value)
(field_declaration_list (declaration declarator: (_) @name) @field)
(class_specifier name: (_) @name body: (_) @body) @type
(struct_specifier name: (_) @name body: (_) @body) @type
(union_specifier name: (_) @name body: (_) @body) @type
(enum_specifier name: (_) @name body: (_) @body) @type
(concept_definition name: (_) @name) @value
(enumerator name: (_) @name) @field
(field_declaration declarator: (_) @name) @field
(type_definition
  type: [(struct_specifier body: (_) @body) (union_specifier body: (_) @body) (enum_specifier body: (_) @body)]
  declarator: (_) @name) @type
(type_definition declarator: (_) @name) @value
(alias_declaration name: (_) @name) @value
(preproc_def name: (_) @name) @value
(preproc_function_def name: (_) @name) @value

(preproc_include path: (_) @import.module) @import
