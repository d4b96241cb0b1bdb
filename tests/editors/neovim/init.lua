-- The configuration of the Neovim under test: what a user would write, and the server to run.
vim.g.loaded_python3_provider = 0 -- else each Python file has Neovim look for a Python, which takes seconds with pyenv
vim.opt.swapfile = false
vim.opt.shada = ''
vim.opt.completeopt = { 'menuone', 'noinsert' }
if vim.env.INFILL_PLUGIN then -- else it was installed
  vim.opt.runtimepath:append(vim.env.INFILL_PLUGIN)
end
vim.cmd('filetype plugin indent on')
vim.g.mapleader = ' '
if vim.env.INFILL_TAB_IS_TAKEN then
  vim.keymap.set('i', '<Tab>', '<C-v><Tab>')
end
if vim.env.INFILL_TAB_IS_A_MENUS then
  -- As nvim-cmp does: at the first InsertEnter, here before the server has started, it maps the key in all buffers,
  -- and falls back to what is mapped by then.
  vim.api.nvim_create_autocmd('VimEnter', {
    callback = function()
      local behind = vim.fn.maparg('<Tab>', 'i', false, true)
      vim.keymap.set('i', '<Tab>', function()
        return behind.callback and behind.callback() or '<Tab>'
      end, { expr = true, desc = 'cmp.utils.keymap.set_map' })
    end,
  })
end
require('infill_ls').start({
  cmd = vim.json.decode(vim.env.INFILL_COMMAND),
  init_options = vim.json.decode(vim.env.INFILL_OPTIONS),
})
