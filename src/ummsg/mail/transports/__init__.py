"""Where mail goes. `base` says what a transport promises; each other module is one."""
