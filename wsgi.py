"""The WSGI entry point: ``gunicorn wsgi:app`` or ``waitress-serve wsgi:app``."""

from config import Config
from webapp import create_app
from webapp.web import collecting, logs

_config = Config.from_environment()
logs.configure(_config)
app = create_app(_config)
collecting.spare_pages()
