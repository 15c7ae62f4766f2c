import sys

from deploy.tools.schema.cli import main

sys.exit(main())
