"""Training, measuring and exporting Norma's models. Images come only through `norma prepare`."""

PREPARATION = "norma.prepare/v1"
PREPARED_SIZE = 224
HOUNSFIELD_RANGE = (-1000.0, 200.0)
