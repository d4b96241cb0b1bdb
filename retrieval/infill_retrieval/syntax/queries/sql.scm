(create_table (object_reference) @name) @value
(create_view (object_reference) @name) @value
(create_function (object_reference) @name (function_body) @body) @value
(create_type (object_reference) @name) @value
(create_index column: (_)? @_column) @value
