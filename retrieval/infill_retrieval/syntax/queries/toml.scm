(table [(bare_key) (dotted_key) (quoted_key)] @name) @type
(table_array_element [(bare_key) (dotted_key) (quoted_key)] @name) @type
(table (pair [(bare_key) (dotted_key) (quoted_key)] @name) @field)
(table_array_element (pair [(bare_key) (dotted_key) (quoted_key)] @name) @field)
(document (pair [(bare_key) (dotted_key) (quoted_key)] @name) @value)
