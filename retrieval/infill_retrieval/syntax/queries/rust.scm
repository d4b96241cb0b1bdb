(struct_item name: (_) @name body: (field_declaration_list)? @body) @type
(enum_item name: (_) @name body: (_) @body) @type
(union_item name: (_) @name body: (_) @body) @type
(trait_item name: (_) @name body: (_) @body) @type
(impl_item type: (_) @name body: (_) @body) @type
(function_item name: (_) @name body: (_) @body) @function
(function_signature_item name: (_) @name) @function
(field_declaration name: (_) @name) @field
(enum_variant name: (_) @name) @field
(const_item name: (_) @name) @value
(static_item name: (_) @name) @value
(type_item name: (_) @name) @value
(macro_definition name: (_) @name (macro_rule) @body) @function
(mod_item name: (_) @name body: (_) @body) @type

(mod_item name: (_) @import.module !body) @import
(use_declaration argument: (_) @import.module) @import
