vim.api.nvim_create_user_command('Infill', function(arguments)
  require('infill_ls.commands').run(arguments.args)
end, {
  nargs = 1,
  desc = 'infill-ls: toggle, status, explain or log',
  complete = function(start)
    return require('infill_ls.commands').complete(start)
  end,
})
