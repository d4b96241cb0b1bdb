--- `:Infill COMMAND`.

local rpc = require('infill_ls.rpc')

local M = {}

---@param text string
local function say(text)
  vim.notify(text, vim.log.levels.INFO)
end

--- Show the server's report on the last completion of the buffer in a window of its own.
---@param report infill_ls.Report?
local function show_report(report)
  if not report then
    say('infill-ls has not been asked for a completion in this buffer yet')
    return
  end
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(report.markdown, '\n'))
  vim.bo[buffer].filetype = 'markdown'
  vim.bo[buffer].bufhidden = 'wipe'
  vim.bo[buffer].modifiable = false
  vim.cmd('botright sbuffer ' .. buffer)
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = buffer })
end

---@type table<string, fun()>
M.commands = {
  toggle = function()
    local infill = require('infill_ls')
    infill.enable(not infill.is_enabled())
    say(infill.status())
  end,
  status = function()
    say(require('infill_ls').status())
  end,
  explain = function()
    local buffer = vim.api.nvim_get_current_buf()
    local client = rpc.client(buffer)
    if not client then
      say('infill-ls is not running in this buffer')
      return
    end
    local params = { textDocument = vim.lsp.util.make_text_document_params(buffer) }
    rpc.request(client, 'infill/explain', params, function(error, report)
      if error then
        say('infill-ls: ' .. error.message)
      else
        show_report(report ~= vim.NIL and report or nil)
      end
    end, buffer)
  end,
  log = function()
    local path = vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename()
    ---@diagnostic disable-next-line: deprecated
    vim.cmd.tabedit(vim.fn.fnameescape(path or vim.lsp.get_log_path()))
  end,
}

---@param name string
function M.run(name)
  local command = M.commands[name ~= '' and name or 'status']
  if command then
    command()
  else
    vim.notify(('there is no :Infill %s'):format(name), vim.log.levels.ERROR)
  end
end

---@param start string
---@return string[]
function M.complete(start)
  local names = vim.tbl_filter(function(name)
    return vim.startswith(name, start)
  end, vim.tbl_keys(M.commands))
  table.sort(names)
  return names
end

return M
