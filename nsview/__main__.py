"""`python -m nsview` is `nsview`."""

from nsview.launch import main

raise SystemExit(main())
