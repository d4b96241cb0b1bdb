(class_declaration name: (identifier) @name [(class_body) (enum_class_body)]? @body) @type
(object_declaration name: (identifier) @name (class_body)? @body) @type
(function_declaration name: (identifier) @name (function_body)? @body) @function
(source_file (property_declaration (variable_declaration (identifier) @name)) @value)
(class_body (property_declaration (variable_declaration (identifier) @name)) @field)
(enum_entry (identifier) @name) @field
(type_alias type: (identifier) @name) @value

(package_header (qualified_identifier) @package)
(import (qualified_identifier) @import.module) @import
