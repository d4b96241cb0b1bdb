(document (block_node (block_mapping
  (block_mapping_pair key: (_) @name value: (block_node) @body) @type)))
(document (block_node (block_mapping
  (block_mapping_pair key: (_) @name value: (flow_node)) @value)))
(document (block_node (block_mapping (block_mapping_pair value: (block_node (block_mapping
  (block_mapping_pair key: (_) @name) @field))))))
