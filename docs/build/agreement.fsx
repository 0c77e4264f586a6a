namespace Hybrid.Docs

open System
open System.IO
open System.Text.Json
open AngleSharp.Dom

/// Fills the page on agreement with PyTorch from the figures that the comparison stored.
[<RequireQualifiedAccess>]
module Agreement =
    type private Subject =
        {
            Kind: string
            Name: string
            Cases: int
            /// Forward and backward in double precision, then in single; None where there is nothing to compare.
            Errors: float option list
            /// What each of them must not exceed.
            Bounds: float list
        }

        /// NaN is within no bound.
        member subject.Agrees =
            List.forall2
                (fun error bound -> Option.forall (fun error -> error <= bound) error)
                subject.Errors
                subject.Bounds

    let private groups =
        [
            "Rules", [ "rule" ]
            "Layers", [ "layer" ]
            "Optimizers and schedules", [ "optimizer"; "schedule"; "clipping"; "averaging" ]
            "Models", [ "model" ]
            "Training", [ "training" ]
        ]

    let private subject double single training (row: JsonElement) =
        let kind = Stored.text "kind" row

        if not (groups |> List.exists (fun (_, kinds) -> List.contains kind kinds)) then
            raise (FormatException $"the page has no table for the kind '{kind}'")

        let errors precision =
            match Stored.part precision row with
            | None -> [ None; None ]
            | Some distance -> [ Stored.number "forward" distance; Stored.number "backward" distance ]

        let double = if kind = "training" then training else double

        {
            Kind = kind
            Name = Stored.text "name" row
            Cases = (Stored.get "cases" row).GetInt32()
            Errors = errors "double" @ errors "single"
            Bounds = [ double; double; single; single ]
        }

    let private show (error: float option) =
        match error with
        | None -> "–"
        | Some 0.0 -> "0"
        | Some error -> Tables.figure 2 error

    let private worst (errors: float option list) =
        match List.choose id errors with
        | [] -> None
        | errors -> Some(List.max errors)

    let private verdict agrees = if agrees then Tables.verdict "good" "agrees" else Tables.verdict "bad" "differs"

    let private inGroup (subjects: Subject list) kinds =
        subjects |> List.filter (fun subject -> List.contains subject.Kind kinds)

    let private tables (subjects: Subject list) =
        [
            for title, kinds in groups do
                let row (subject: Subject) =
                    let kind =
                        if kinds.Length > 1 then
                            $" <span class=\"aside\">{Tables.encode subject.Kind}</span>"
                        else
                            ""

                    let errors = List.map show subject.Errors
                    [ Tables.encode subject.Name + kind; string subject.Cases; yield! errors; verdict subject.Agrees ]

                $"<h3 id=\"{title.Replace(' ', '-')}\">{title}</h3>"

                inGroup subjects kinds
                |> List.map row
                |> Tables.cards
                    "agreement"
                    [
                        "Compared"
                        "Cases"
                        "Double, forward"
                        "Double, backward"
                        "Single, forward"
                        "Single, backward"
                        "Verdict"
                    ]
        ]
        |> String.concat "\n"

    let private summary (subjects: Subject list) =
        [
            for title, kinds in groups do
                let group = inGroup subjects kinds

                let column indices =
                    worst
                        [
                            for subject in group do
                                for index in indices -> subject.Errors[index]
                        ]

                let bounds = group.Head.Bounds

                [
                    $"<a href=\"#{title.Replace(' ', '-')}\">{title}</a>"
                    string group.Length
                    Tables.count (List.sumBy _.Cases group) "case" "cases"
                    show (column [ 0; 1 ])
                    show (Some bounds[0])
                    show (column [ 2; 3 ])
                    (if (column [ 2; 3 ]).IsSome then show (Some bounds[2]) else "–")
                    verdict (group |> List.forall _.Agrees)
                ]
        ]
        |> Tables.cards
            "agreement"
            [ "Kind"; "Subjects"; "Cases"; "Worst in double"; "Bound"; "Worst in single"; "Bound of single"; "Verdict" ]

    /// Each subject's worst difference in either precision, a row for each kind: data for charts.js. Zero has no place on a logarithmic axis.
    let private chart (subjects: Subject list) =
        let dots name color indices =
            let points =
                [
                    for title, kinds in groups do
                        for subject in inGroup subjects kinds do
                            match worst [ for index in indices -> subject.Errors[index] ] with
                            | Some error when error > 0.0 -> error, title, subject.Name
                            | _ -> ()
                ]

            {|
                ``type`` = "scatter"
                mode = "markers"
                name = name
                x = [ for error, _, _ in points -> error ]
                y = [ for _, title, _ in points -> title ]
                text = [ for _, _, name in points -> name ]
                hovertemplate = "%{text}: %{x:.1e}"
                marker = {| color = color; size = 9; opacity = 0.65 |}
            |}

        let first = subjects.Head.Bounds

        let bound name value color =
            {|
                ``type`` = "scatter"
                mode = "lines"
                name = name
                x = [ value; value ]
                y = [ fst (List.last groups); fst groups.Head ]
                line = {| color = color; dash = "dash"; width = 2 |}
            |}

        let data: obj list =
            [
                dots "double precision" "--blue" [ 0; 1 ]
                dots "single precision" "--red" [ 2; 3 ]
                bound "bound in double" first[0] "--blue"
                bound "bound in single" first[2] "--red"
            ]

        let layout =
            {|
                height = 380
                xaxis =
                    {|
                        title = {| text = "largest relative difference" |}
                        ``type`` = "log"
                        exponentformat = "power"
                        dtick = 2
                    |}
                yaxis =
                    {|
                        title = {| text = "" |}
                        categoryorder = "array"
                        categoryarray = [ for title, _ in groups -> title ]
                        autorange = "reversed"
                        automargin = true
                    |}
                legend = {| y = 1.02; yanchor = "bottom" |}
            |}

        let caption =
            "The largest relative difference from PyTorch of each subject, a dot for each precision, with the bounds as dashed lines. "
            + "What is equal to the bit has no dot. The tables below have the figures."

        Charts.figure caption "class=\"plot-area\"" data layout

    /// Cases in which libtorch was found to be off its own double; figures from before there was a referee have no such list.
    let private wrong (file: JsonElement) =
        match file.TryGetProperty "wrong" with
        | true, cases -> List.ofSeq (cases.EnumerateArray())
        | _ -> []

    let private wrongTable (cases: JsonElement list) =
        let row (case: JsonElement) =
            let text key = Tables.encode (Stored.text key case)
            let subject, off, settings, processor = text "name", text "of", text "settings", text "processor"

            [ subject; off; settings; show (Stored.number "theirs" case); show (Stored.number "ours" case); processor ]

        match cases with
        | [] -> "<p>These figures have no such case.</p>"
        | cases ->
            let count = Tables.count cases.Length "case" "cases"

            cases
            |> List.map row
            |> Tables.cards
                "agreement"
                [ "Compared"; "Off"; "Case"; "Libtorch from its double"; "Ours from it"; "Processor" ]
            |> fun table -> $"<p>In {count} libtorch is wrong.</p>\n{table}"

    /// What was compared with what, when and on what.
    let private origin (file: JsonElement) (subjects: Subject list) =
        let text key = Tables.encode (Stored.text key file)
        let agree = subjects |> List.filter _.Agrees |> List.length
        let torch, date, machine = text "torch", text "date", text "machine"

        $"<p>{agree} of {subjects.Length} subjects agree with {torch}. Measured on {date}; {machine}.</p>"

    /// Fills docs/agreement.md; complains where the figures are missing, or where something differs.
    let fill root (document: IDocument) =
        let stored = Path.Combine(root, "scripts", "results", "parity.json")
        let remedy = "run dotnet fsi tests/Parity/run.fsx -- --store"

        let read =
            Stored.read root stored remedy (fun file ->
                let bound key = Stored.number key file |> Option.get

                let subjects =
                    Stored.items "rows" file
                    |> List.map (subject (bound "limitDouble") (bound "limitSingle") (bound "limitTraining"))

                for title, kinds in groups do
                    if (inGroup subjects kinds).IsEmpty then
                        raise (FormatException $"there are no {title.ToLowerInvariant()}")

                origin file subjects, wrongTable (wrong file), subjects)

        match read with
        | Error complaint -> [ complaint ]
        | Ok(origin, wrong, subjects) ->
            [
                for subject in subjects do
                    if not subject.Agrees then
                        $"scripts/results/parity.json: {subject.Kind} {subject.Name} differs from PyTorch by more than the bound; mend it and {remedy}."
                yield! Tables.put "agreement" "agreement-origin" origin document
                yield! Tables.put "agreement" "agreement-chart" (chart subjects) document
                yield! Tables.put "agreement" "agreement-summary" (summary subjects) document
                yield! Tables.put "agreement" "agreement-tables" (tables subjects) document
                yield! Tables.put "agreement" "agreement-wrong" wrong document
            ]
