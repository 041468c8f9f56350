"""``python -m ambiguity_lib``, which launchers of several processes need: the command line."""

from ambiguity_lib.practice.cli import main

if __name__ == "__main__":
    main()
