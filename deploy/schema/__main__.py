import sys

from deploy.schema.cli import main

sys.exit(main())
