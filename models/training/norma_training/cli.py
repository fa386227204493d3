"""The command line of training."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import torch

from .adapters.ct_rate import read_ct_rate
from .adapters.labelled_studies import read_labelled_studies
from .adapters.mosmed import read_mosmed
from .adapters.slices_index import unpack, write_subset
from .adapters.studies import DatasetError, read_study_list, write_study_list
from .budget import BUDGETS, Budget
from .chest_ct_encoder import EncoderError
from .commands import ablate, build_foundation, build_reference, measure_encoder, measure_unlabelled, pack_for_gpu, write_int8_bundle
from .convert_yolo import CheckpointError, convert_yolo
from .emphysema_patches import measure_patches
from .leak_check import LeakError
from .lesions import measure_lesions
from .measure_pictures import draw_measures
from .nifti import NiftiError
from .nodules import measure_nodules
from .norma_prepare import PreparationError, prepare_slices, prepare_studies, write_phantoms
from .prepared import PreparedSet, load_prepared
from .progress import log, start_log
from .repeatability import find_repeat_measures, measure_repeatability
from .shared_network import share_network
from .synthetic_nodules import KINDS, NoPlace, write_pasted
from .train import evaluate, train
from .verdicts import gather, measure_verdicts

HERE = Path(__file__).resolve().parents[1]
MODELS = HERE.parent
WORKSPACE = MODELS.parent


def data_folder() -> Path:
    return Path(os.environ.get("NORMA_DATA", WORKSPACE.parent / "shared" / "data"))


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="norma_training", description="Train, measure and export Norma's models (research use only).")
    commands = root.add_subparsers(dest="command", required=True)
    for name, text in (
        ("train", "all steps to a bundle; continues where it stopped"), ("evaluate", "RESULTS.md and plots again"),
        ("ablations", "what was tried and not taken, into models/ABLATIONS.md"),
        ("unlabelled", "what a stream of studies without labels tells of a threshold, into models/UNLABELLED.md"),
        ("measure-encoder", "the optional chest-CT encoder (requirements-encoder.txt) on the same splits"),
        ("int8", "the bundle with the classifier in int8, fitted anew, into --out"),
        ("gpu-pack", "slices and program in one folder, for the reference method's training on a GPU machine (models/training/gpu)"),
        ("reference", "the reference method's bundle from what models/training/gpu brought back, and its rows in the tables"),
        ("foundation", "the bundle with the optional chest-CT encoder (requirements-encoder.txt) beside the shipped models, into --out"),
    ):
        command = commands.add_parser(name, help=text)
        size = command.add_mutually_exclusive_group()
        size.add_argument("--quick", dest="budget", action="store_const", const="quick", help="a tiny subset, minutes")
        size.add_argument("--full", dest="budget", action="store_const", const="full", help="the shipped models (default)")
        size.add_argument("--long", dest="budget", action="store_const", const="long", help="as --full, the networks trained longer: for a GPU, or a night")
        command.set_defaults(budget="full")
        command.add_argument("--prepared", type=Path, help="folder of `norma prepare` (default: made from NORMA_DATA)")
        command.add_argument("--studies", type=Path, help="list of studies (list-studies) to train on instead of the slices index")
        command.add_argument("--run", type=Path, help="folder of the run (default: models/training/runs/<budget>)")
        command.add_argument("--models", type=Path, help="where the bundle goes (default: models/; for --quick the run's folder)")
        command.add_argument("--threads", type=int, default=0)
        if name in ("train", "evaluate", "foundation", "reference"):
            command.add_argument("--series", type=Path, help="folder of `norma prepare` over whole series, to look at, never to fit on (default: made of NORMA_DATA's series and of phantoms)")
        if name in ("train", "evaluate"):
            command.add_argument("--without-networks", action="store_true", help="leave out the steps that train networks (bundle without the autoencoder)")
        if name == "measure-encoder":
            command.add_argument("--depth", type=int, choices=(0, 16), default=0, help="equal slices that stand for a volume; 0: without end")
            command.add_argument("--of-slices", type=int, help="about so many slices, by whole blocks (default: all)")
        if name in ("int8", "foundation", "gpu-pack"):
            command.add_argument("--out", type=Path, required=True, help="folder of what is written")
        if name == "reference":
            command.add_argument("results", type=Path, nargs="+", help="folders that GPU runs brought back; the weights are in the first")
            command.add_argument("--out", type=Path, help="folder of the bundle (default: models/reference)")
    studies = commands.add_parser("list-studies", help="turn a data set of studies into the list that `norma prepare` reads")
    studies.add_argument("layout", choices=("labelled", "ct-rate", "mosmed"))
    studies.add_argument("folder", type=Path)
    studies.add_argument("--labels", type=Path, help="CSV of labels (labelled, ct-rate)")
    studies.add_argument("--source", default="site")
    studies.add_argument("--out", type=Path, required=True)
    nodules = commands.add_parser("nodules", help="measure the nodule detector on nodules pasted into norm volumes: models/NODULES.md")
    nodules.add_argument("--run", type=Path, default=HERE / "runs" / "nodules")
    nodules.add_argument("--out", type=Path, default=MODELS / "NODULES.md")
    nodules.add_argument("--studies-per-host", type=int, default=4)
    measures = commands.add_parser("measures", help="verdicts with and without measures and nodules over phantoms and whole series: models/MEASURES.md")
    measures.add_argument("--run", type=Path, default=HERE / "runs" / "measures")
    measures.add_argument("--out", type=Path, default=MODELS / "MEASURES.md")
    measures.add_argument("--without-variants", action="store_true", help="leave out the norm volumes made harder, and find_nodules with them")
    lesions = commands.add_parser("lesions", help="synthetic lesions of every kind in norm volumes, found or called norm: models/LESIONS.md")
    lesions.add_argument("--run", type=Path, default=HERE / "runs" / "lesions")
    lesions.add_argument("--out", type=Path, default=MODELS / "LESIONS.md")
    lesions.add_argument("--only", default="", metavar="KIND", help="kinds that hold this word; what was said before stays")
    pictures = commands.add_parser("measure-pictures", help="masks of what is measured drawn over phantoms: models/figures/measures.png; or over studies of one's own, for looking at")
    pictures.add_argument("studies", type=Path, nargs="*", help="studies instead of the phantoms; pictures of patients are never committed")
    pictures.add_argument("--run", type=Path, default=HERE / "runs" / "pictures")
    pictures.add_argument("--out", type=Path, default=MODELS / "figures" / "measures.png")
    repeatability = commands.add_parser("repeatability", help="how far slices, noise and sharpness move each measure over every whole volume: models/REPEATABILITY.md")
    repeatability.add_argument("--run", type=Path, default=HERE / "runs" / "measures")
    repeatability.add_argument("--out", type=Path, default=MODELS / "REPEATABILITY.md")
    patches = commands.add_parser("emphysema-patches", help="low attenuation against expert patches of emphysema: models/EMPHYSEMA_PATCHES.md")
    patches.add_argument("--out", type=Path, default=MODELS / "EMPHYSEMA_PATCHES.md")
    paste = commands.add_parser("paste-nodules", help="a NIfTI volume with synthetic nodules, and what they are beside it as JSON")
    paste.add_argument("volume", type=Path, help="NIfTI of int16, as `find_nodules --export` writes it")
    paste.add_argument("--nodule", action="append", required=True, metavar="KIND:MM", help=f"{', '.join(KINDS)}; may be given more than once")
    paste.add_argument("--seed", type=int, default=0)
    paste.add_argument("--out", type=Path, required=True)
    share = commands.add_parser("share-network", help="join the graphs of models that compute the same things of the same pixels into one that they read")
    share.add_argument("names", nargs="+", help="folders of the models")
    share.add_argument("--models", type=Path, default=MODELS)
    yolo = commands.add_parser("convert-yolo", help="a YOLO11 classification checkpoint as ONNX and a manifest")
    yolo.add_argument("checkpoint", type=Path)
    yolo.add_argument("--out", type=Path, required=True, help="folder of the new model")
    yolo.add_argument("--size", type=int, help="pixels (default: those of its training)")
    return root


def list_studies(arguments: argparse.Namespace) -> int:
    if arguments.layout != "mosmed" and arguments.labels is None:
        raise DatasetError("this layout needs --labels")
    if arguments.layout == "labelled":
        found = read_labelled_studies(arguments.folder, arguments.labels, arguments.source)
    elif arguments.layout == "ct-rate":
        found = read_ct_rate(arguments.folder, arguments.labels)
    else:
        found = read_mosmed(arguments.folder)
    write_study_list(arguments.out, found.studies)
    log.info("%d studies, %d labels without a file, %d files without a label", len(found.studies), len(found.without_file), len(found.without_label))
    return 0 if found.studies else 1


def prepared_data(arguments: argparse.Namespace, run: Path, budget: Budget) -> PreparedSet:
    """The prepared set: given, made of a list of studies, or made of the slices of NORMA_DATA (of as many as
    the budget asks for)."""
    studies = read_study_list(arguments.studies) if arguments.studies else None
    own = studies or budget.slices is not None
    folder = arguments.prepared or (run / "prepared" if own else run.parent / "prepared")
    if (folder / "index.csv").is_file():
        return load_prepared(folder, studies)
    if studies:
        prepare_studies([study.path for study in studies], folder, WORKSPACE)
        return load_prepared(folder, studies)
    slices = unpack(data_folder() / "slices.tar", run.parent / "unpacked")
    index = slices / "index.csv" if budget.slices is None else write_subset(slices, budget.slices)
    prepare_slices(index, folder, WORKSPACE)
    return load_prepared(folder)


def whole_series(arguments: argparse.Namespace, run: Path, budget: Budget, phantoms: bool = True) -> tuple[Path, ...]:
    """Prepared whole series to look at: given, else those of NORMA_DATA and, where wanted, three phantoms (not for a
    tiny subset or a list of studies of one's own)."""
    if arguments.series or arguments.studies or budget.slices is not None:
        return (arguments.series,) if arguments.series else ()
    found = []
    wanted: list[tuple[str, list[Path] | None]] = [("series", sorted((data_folder() / "series").glob("*.zip")))]
    if phantoms:
        wanted.append(("phantoms", None))
    for name, studies in wanted:
        folder = run.parent / name
        if not (folder / "index.csv").is_file():
            studies = write_phantoms(run.parent / "phantom_studies", WORKSPACE) if studies is None else studies
            if not studies:
                continue
            prepare_studies(studies, folder, WORKSPACE)
        found.append(folder)
    return tuple(found)


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        if hasattr(arguments, "budget"):
            budget = BUDGETS[arguments.budget]
            run = arguments.run or HERE / "runs" / budget.name
            start_log(run / "train.log")
            if arguments.threads:
                torch.set_num_threads(arguments.threads)
            models = arguments.models or (run / "models" if budget.name == "quick" else MODELS)
            data = prepared_data(arguments, run, budget)
            if arguments.command == "ablations":
                ablate(data, run, models, budget)
            elif arguments.command == "unlabelled":
                measure_unlabelled(data, run, models, budget, sorted((data_folder() / "series").glob("*.zip")))
            elif arguments.command == "measure-encoder":
                measure_encoder(data, run, models, budget, arguments.depth, arguments.of_slices)
            elif arguments.command == "int8":
                write_int8_bundle(data, run, models, arguments.out, budget)
            elif arguments.command == "gpu-pack":
                pack_for_gpu(data, models, arguments.out)
            elif arguments.command == "reference":
                out = arguments.out or models / "reference"
                build_reference(data, arguments.results, models, out, budget, whole_series(arguments, run, budget))
            elif arguments.command == "foundation":
                build_foundation(data, run, models, arguments.out, budget, whole_series(arguments, run, budget, phantoms=False))
            else:
                step = train if arguments.command == "train" else evaluate
                step(data, run, models, budget, whole_series(arguments, run, budget), networks=not arguments.without_networks)
            return 0
        start_log()
        if arguments.command == "list-studies":
            return list_studies(arguments)
        if arguments.command == "nodules":
            slices = unpack(data_folder() / "slices.tar", arguments.run.parent / "unpacked")
            measure_nodules(data_folder(), slices, arguments.run, WORKSPACE, arguments.out, arguments.studies_per_host)
            return 0
        if arguments.command == "measures":
            slices = unpack(data_folder() / "slices.tar", arguments.run.parent / "unpacked")
            return 0 if measure_verdicts(data_folder(), slices, arguments.run, WORKSPACE, arguments.out, not arguments.without_variants) else 1
        if arguments.command == "lesions":
            slices = unpack(data_folder() / "slices.tar", arguments.run.parent / "unpacked")
            measure_lesions(data_folder(), slices, arguments.run, WORKSPACE, arguments.out, arguments.only)
            return 0
        if arguments.command == "measure-pictures":
            draw_measures(arguments.studies, arguments.run, WORKSPACE, arguments.out)
            return 0
        if arguments.command == "repeatability":
            slices = unpack(data_folder() / "slices.tar", arguments.run.parent / "unpacked")
            volumes = [study.path for study in gather(data_folder(), slices, arguments.run, WORKSPACE, variants=False)]
            measure_repeatability(find_repeat_measures(WORKSPACE), volumes, arguments.run, arguments.out)
            return 0
        if arguments.command == "emphysema-patches":
            measure_patches(data_folder() / "emphysema_patches.npz", arguments.out)
            return 0
        if arguments.command == "paste-nodules":
            write_pasted(arguments.volume, arguments.nodule, arguments.seed, arguments.out)
            return 0
        if arguments.command == "share-network":
            share_network(arguments.models, arguments.names)
            return 0
        convert_yolo(arguments.checkpoint, arguments.out, arguments.size)
        return 0
    except (DatasetError, CheckpointError, EncoderError, LeakError, NiftiError, NoPlace, PreparationError, FileNotFoundError) as error:
        print(f"norma_training: {error}", file=sys.stderr)
        return 1
