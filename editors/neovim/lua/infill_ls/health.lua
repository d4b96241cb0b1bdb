--- `:checkhealth infill_ls`

local M = {}

local function check_neovim()
  if vim.fn.has('nvim-0.10') == 1 then
    vim.health.ok('Neovim is new enough')
  else
    vim.health.error('Neovim 0.10 or newer is needed')
  end
end

--- The program of the running server, else the one that would be started; nil if the user starts
--- it by a function.
---@return string?
local function find_command()
  local client = require('infill_ls.rpc').client()
  local configs = vim.lsp.config --[[@as table<string, vim.lsp.Config>?]]
  local config = client and client.config or configs and configs.infill_ls
  local command = config and config.cmd or { 'infill-ls' }
  return type(command) == 'table' and command[1] or nil
end

local function check_server()
  local command = find_command()
  if not command then
    vim.health.info('your own function starts the server')
    return
  end
  if vim.fn.executable(command) == 0 then
    vim.health.error(('`%s` is not executable'):format(command), {
      'Install it from the folder of infill-ls: `pipx install .` or `uv tool install .`',
      "Or set its path: `vim.lsp.config('infill_ls', { cmd = { '/path/to/infill-ls' } })`",
    })
    return
  end
  local version = vim.system({ command, '--version' }, { text = true }):wait(10000)
  if version.code == 0 then
    vim.health.ok(vim.trim(version.stdout or ''))
  else
    vim.health.error(('`%s --version` failed'):format(command), { version.stderr })
  end
end

local function check_client()
  local client = require('infill_ls.rpc').client()
  if not client then
    vim.health.warn('the server is not running', {
      "Put `vim.lsp.enable('infill_ls')` into your init.lua and open a file",
    })
    return
  end
  -- The report has a buffer of its own, in which no server is.
  vim.health.ok(require('infill_ls.status').line((next(client.attached_buffers))))
  vim.health.info(('position encoding: %s'):format(client.offset_encoding))
  vim.health.info(('workspace: %s'):format(client.root_dir or 'none, only the open file is used'))
end

--- Whether <Tab> is ours in a buffer of the server; the report has a buffer of its own.
local function check_maps()
  local client = require('infill_ls.rpc').client()
  local buffer = client and next(client.attached_buffers)
  if not buffer or vim.g.infill_ls_maps == false then
    return
  end
  if require('infill_ls.maps').reaches_us('<Tab>', buffer) then
    vim.health.ok('<Tab> accepts a suggestion')
    return
  end
  vim.health.warn('<Tab> is mapped to something else in Insert mode', {
    'Map another key to `require("infill_ls").accept()`: see `:help infill_ls-maps`',
  })
end

--- Tell, in a message, that the server is switched on but not installed. Since 0.11 Neovim itself
--- writes that into a log only.
---@param command? string
---@return boolean missing
function M.warn_if_missing(command)
  command = command or find_command()
  if not command or vim.fn.executable(command) == 1 then
    return false
  end
  local text = 'infill-ls: there is no program `%s`; :checkhealth infill_ls shows what to do'
  vim.notify(text:format(command), vim.log.levels.WARN)
  return true
end

function M.check()
  vim.health.start('infill_ls')
  check_neovim()
  check_server()
  check_client()
  check_maps()
end

return M
