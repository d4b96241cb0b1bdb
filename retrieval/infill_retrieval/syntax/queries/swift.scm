(class_declaration name: (_) @name body: (_) @body) @type
(protocol_declaration name: (_) @name body: (_) @body) @type
(function_declaration name: (_) @name body: (_) @body) @function
(protocol_function_declaration name: (_) @name) @function
(init_declaration "init" @name body: (_)? @body) @function
(source_file (property_declaration name: (pattern (simple_identifier) @name)) @value)
(class_body (property_declaration name: (pattern (simple_identifier) @name)) @field)
(protocol_property_declaration name: (pattern (simple_identifier) @name)) @field
(enum_entry name: (_) @name) @field
(typealias_declaration name: (_) @name) @value

(import_declaration (identifier) @import.module) @import
