(rule_set (selectors) @name (block) @body) @value
(keyframes_statement (keyframes_name) @name (keyframe_block_list) @body) @value
(declaration (property_name) @name (#match? @name "^--")) @value

(import_statement (string_value) @import.module) @import
(import_statement (call_expression (arguments (string_value) @import.module))) @import
