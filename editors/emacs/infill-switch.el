;;; infill-switch.el --- When infill.el is silent  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The infill-ls authors
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Whether something is to be suggested in a buffer now.

;;; Code:

(require 'infill-connection)

(defcustom infill-inhibit-functions
  '(infill-buffer-read-only-p infill-evil-not-inserting-p infill-several-cursors-p)
  "Functions that tell whether nothing is to be suggested.
They are called without arguments in the buffer; if one of them returns
non-nil, nothing is asked for and no ghost text is shown."
  :type 'hook
  :group 'infill)

(defvar infill--off nil
  "Non-nil if suggestions are switched off everywhere.")

(defvar infill--paused-until nil
  "The time when suggestions are wanted again, nil for now.
It is t while that is when Emacs starts again.")

(defvar infill--off-modes nil
  "Major modes in which suggestions are switched off.")

(defvar infill--off-workspaces nil
  "Roots of workspaces in which suggestions are switched off.")

(defun infill--inhibited-p ()
  "Return non-nil if nothing is to be suggested in this buffer now."
  (run-hook-with-args-until-success 'infill-inhibit-functions))

(defun infill-switched-off ()
  "Return why nothing is to be suggested by itself in this buffer, or nil."
  (cond (infill--off "off")
        ((eq infill--paused-until t) "paused until Emacs starts again")
        ((and infill--paused-until (time-less-p nil infill--paused-until))
         (format-time-string "paused until %H:%M" infill--paused-until))
        ((memq major-mode infill--off-modes) (format "off in %s" major-mode))
        ((and infill--off-workspaces
              (member (infill--workspace) infill--off-workspaces))
         "off in this workspace")))

(defun infill-buffer-read-only-p ()
  "Return non-nil if nothing can be written into the buffer."
  (and buffer-read-only (not inhibit-read-only)))

(defun infill-evil-not-inserting-p ()
  "Return non-nil if Evil is in a state in which keys are commands."
  (and (bound-and-true-p evil-local-mode)
       (not (memq (bound-and-true-p evil-state) '(insert emacs)))))

(defun infill-several-cursors-p ()
  "Return non-nil while there are several cursors."
  (bound-and-true-p multiple-cursors-mode))

(provide 'infill-switch)
;;; infill-switch.el ends here
