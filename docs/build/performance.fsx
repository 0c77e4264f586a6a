namespace Hybrid.Docs

open System
open System.Globalization
open System.IO
open System.Text.Json
open AngleSharp.Dom

/// Fills the page on performance from the figures that the benchmark stored.
[<RequireQualifiedAccess>]
module Performance =
    let private get key element = Stored.get key element
    let private text key element = Stored.text key element
    let private items key element = Stored.items key element
    let private number key element = Stored.number key element

    let private show (format: string) (value: float option) =
        value |> Option.map _.ToString(format, CultureInfo.InvariantCulture) |> Option.defaultValue ""

    let private cell format key element = show format (number key element)

    let private verdict words =
        match words with
        | "stretch" -> Tables.verdict "good" "target met"
        | "met" -> Tables.verdict "good" "floor met"
        | "below" -> Tables.verdict "bad" "below floor"
        | _ -> Tables.verdict "none" "no floor"

    let private machine file =
        let stamp = get "machine" file
        let text key = Tables.encode (text key stamp)
        let cores, threads, vectors = text "cores", text "threads", text "vectors"

        $"""<p>{text "processor"}, {cores} cores; {threads} threads for each library; our kernels on {vectors} vectors. """
        + $"""{text "dotNet"}, {text "torch"}, {text "system"}. Measured on {text "date"}.</p>"""

    /// Of figures that were stored on another day than the ratios, perhaps.
    let private origin file =
        let stamp = get "machine" file
        $"""<p>{Tables.encode (text "processor" stamp)}, {text "threads" stamp} threads, {text "date" stamp}.</p>"""

    let private ratios file =
        let row element =
            let noise = if (get "noisy" element).GetBoolean() then "<p class=\"aside\">noisy</p>" else ""

            [
                Tables.encode (text "name" element)
                cell "0.000" "oursMs" element
                cell "0.000" "torchMs" element
                cell "0.00" "ratio" element
                cell "0.00" "floor" element
                cell "0.00" "target" element
                verdict (text "verdict" element) + noise
            ]

        items "ratios" file
        |> List.map row
        |> Tables.cards "ratios" [ "Workload"; "Ours, ms"; "Libtorch, ms"; "Ratio"; "Floor"; "Target"; "Verdict" ]

    /// Bars of the ratios, in one colour for each verdict, with their floors and targets as marks: data for charts.js.
    let private chart file =
        let rows = items "ratios" file
        let names rows = rows |> List.map (text "name")

        let bars words kind color =
            let rows = rows |> List.filter (fun row -> List.contains (text "verdict" row) kind)
            let ratios = rows |> List.map (number "ratio")
            let marker = {| color = color |}
            {| ``type`` = "bar"; orientation = "h"; name = words; y = names rows; x = ratios; marker = marker |}

        let marks words key symbol =
            let rows = rows |> List.filter (fun row -> (number key row).IsSome)
            let values = rows |> List.map (number key)
            let marker = {| symbol = symbol; size = 9; color = "--grey"; line = {| width = 2; color = "--grey" |} |}

            {|
                ``type`` = "scatter"
                mode = "markers"
                name = words
                y = names rows
                x = values
                marker = marker
            |}

        let data: obj list =
            [
                bars "floor met" [ "met"; "stretch" ] "--blue"
                bars "below floor" [ "below" ] "--red"
                bars "no floor" [ "none" ] "--sky"
                marks "floor" "floor" "line-ns-open"
                marks "target" "target" "diamond-open"
            ]

        let height = 160 + 20 * rows.Length

        let layout =
            {|
                barmode = "overlay"
                xaxis =
                    {|
                        title = {| text = "libtorch's time / ours; to the right of 1 we are faster" |}
                        ``type`` = "log"
                        tickvals = [ 0.25; 0.5; 1.0; 2.0; 4.0; 8.0; 16.0 ]
                    |}
                yaxis =
                    {|
                        title = {| text = "workload" |}
                        categoryorder = "array"
                        categoryarray = names rows
                        autorange = "reversed"
                    |}
                legend = {| y = 1; yanchor = "top" |}
            |}

        let caption =
            "Libtorch's time over ours, a bar for each workload, with the floors that we must reach and the targets that we would like to. The table below has the figures."

        Charts.figure caption $"class=\"plot-area wide\" style=\"--height:{height}px;--entries:5\"" data layout

    let private memory file =
        items "ratios" file
        |> List.choose (fun row ->
            match number "oursPeakMB" row, number "torchPeakMB" row with
            | Some ours, Some torch ->
                let verdict =
                    if torch >= ours then
                        Tables.verdict "good" "at most libtorch's"
                    else
                        Tables.verdict "bad" "more than libtorch's"

                let name = Tables.encode (text "name" row)
                Some [ name; show "0" (Some ours); show "0" (Some torch); show "0.00" (Some(torch / ours)); verdict ]
            | _ -> None)
        |> Tables.cards "memory" [ "Workload"; "Ours, MB"; "Libtorch, MB"; "Ratio"; "Verdict" ]

    let private scaling file =
        let row axis =
            let points = [ for point in items "points" axis -> $"""{text "value" point}: {cell "0" "ms" point} ms""" ]

            [
                Tables.encode (text "axis" axis)
                cell "0.00" "timeExponent" axis
                cell "0.00" "expectedTime" axis
                cell "0.00" "memoryExponent" axis
                cell "0.00" "expectedMemory" axis
                String.concat ", " points
            ]

        items "axes" file
        |> List.map row
        |> Tables.cards "scaling" [ "Grows with"; "Time"; "Expected"; "Memory"; "Expected"; "Measured" ]
        |> fun table -> table + origin file

    let private numpy file =
        let row element =
            let losses = items "losses" element |> List.map (fun loss -> show "0.0000" (Some(loss.GetDouble())))
            let library, losses = Tables.encode (text "library" element), String.concat ", " losses
            [ library; cell "0.0" "ms" element; cell "0.00" "ratio" element; losses ]

        items "rows" file
        |> List.map row
        |> Tables.cards
            "numpy"
            [ "Transformer small, whole step"; "ms"; "Time over ours"; "Losses of three steps without dropout" ]
        |> fun table -> table + origin file

    /// Puts every part where docs/performance.md asks for it; complains of figures that are missing or of another shape.
    let fill (root: string) (document: IDocument) =
        [
            for id, file, part in
                [
                    "machine", "ratios", machine
                    "ratios-chart", "ratios", chart
                    "ratios", "ratios", ratios
                    "memory", "ratios", memory
                    "scaling", "scaling", scaling
                    "numpy", "numpy", numpy
                ] do
                let stored = Path.Combine(root, "tests", "Bench", "results", $"{file}.json")
                let remedy = $"run dotnet run -c Release --project tests/Bench -- {file} --store"

                match Stored.read root stored remedy part with
                | Ok html -> yield! Tables.put "performance" id html document
                | Error complaint -> complaint
        ]
        |> List.distinct
