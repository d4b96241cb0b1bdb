(signature name: (_) @name) @value
(data_type name: (_) @name) @value
(newtype name: (_) @name) @value
(type_synonym name: (_) @name) @value
(class name: (_) @name declarations: (_)? @body) @type
(instance name: (_) @name declarations: (_)? @body) @type

(header module: (_) @package)
(import module: (_) @import.module) @import
