-- Finds the server's engine process among the descendants of a process.

local M = {}

---@return table<integer, { parent: integer, command: string }>
local function all_processes()
  local processes = {}
  for _, line in ipairs(vim.fn.systemlist({ 'ps', '-e', '-o', 'pid=,ppid=,args=' })) do
    local pid, parent, command = line:match('^%s*(%d+)%s+(%d+)%s+(.*)$')
    if pid then
      processes[tonumber(pid)] = { parent = tonumber(parent), command = command }
    end
  end
  return processes
end

--- Kill the engine of the server below the process `root`; returns how many there were.
---@param root integer
---@return integer
function M.kill_engine_of(root)
  local processes = all_processes()
  local count = 0
  for pid, process in pairs(processes) do
    local parent = process.parent
    while processes[parent] and parent ~= root do
      parent = processes[parent].parent
    end
    if parent == root and process.command:find('infill_ls.engine', 1, true) then
      vim.uv.kill(pid, 'sigkill')
      count = count + 1
    end
  end
  return count
end

return M
