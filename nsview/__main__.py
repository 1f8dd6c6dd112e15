"""`python -m nsview` is `nsview`."""

from nsview.cli import main

raise SystemExit(main())
