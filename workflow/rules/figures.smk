# Figures: each is one rule `draw_<name>` and one module, most of the same name; names.FIGURES says what it reads.


for figure, inputs in PRODUCTS.figures.items():

    rule:
        name:
            f"draw_{figure}"
        input:
            **inputs,
        output:
            svg=f"results/figures/{figure}.svg",
            pdf=f"results/figures/{figure}.pdf",
            png=report(
                f"results/figures/{figure}.png",
                category="Figures",
                caption=f"../report/{figure}.rst",
                labels={"figure": names.FIGURE_TITLES[figure]},
            ),
            csv=f"results/figures/{figure}.csv",
        log:
            f"results/logs/draw_{figure}.log",
        benchmark:
            f"results/benchmarks/draw_{figure}.tsv"
        conda:
            ENVIRONMENT
        threads: cpus("draw")
        resources:
            **asked("draw"),
        params:
            arguments=" ".join(
                f"--{name} {' '.join(map(shlex.quote, paths))}" for name, paths in inputs.items()
            )
            + PRODUCTS.figure_options(figure),
            module=names.figure(figure).module,
            # of `evaluation`, figures read this key alone: resamples of intervals redraw nothing; scans are read by one of the index
            settings=settings(
                evaluation={"tsne_participants": config["evaluation"]["tsne_participants"]},
                **({"images": INPUTS.images} if "index" in inputs else {}),
            ),
            code=code_digest(names.figure(figure).module),
        message:
            f"Figure: {figure}"
        shell:
            "python -m {params.module} {params.arguments} --settings {params.settings}"
            " --svg {output.svg} --pdf {output.pdf} --png {output.png} --csv {output.csv} > {log} 2>&1"
