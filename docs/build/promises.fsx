namespace Hybrid.Docs

open System.Globalization
open System.IO
open System.Text.Json
open AngleSharp.Dom

/// Fills the page on promises with what the last long run of the tests found.
[<RequireQualifiedAccess>]
module Promises =
    let private text (key: string) (element: JsonElement) = Tables.encode ((element.GetProperty key).ToString())

    let private figures (promise: string) (runs: JsonElement) =
        [
            for run in runs.EnumerateArray() do
                for figure in run.GetProperty("Figures").EnumerateArray() do
                    if (figure.GetProperty "Promise").GetString() = promise then
                        let name = text "Figure" figure
                        [ name.TrimEnd ':'; text "Value" figure; text "Commit" run ]
        ]

    let private origin run =
        $"""<p>Commit {text "Commit" run}, {text "Date" run}, {text "Minutes" run} minutes. {text "Processor" run}, {text "Cores" run} cores, """
        + $"""{text "Threads" run} threads, {text "Vectors" run} vectors; {text "DotNet" run}, {text "System" run}.</p>"""

    let private origins (runs: JsonElement) = runs.EnumerateArray() |> Seq.map origin |> String.concat ""

    let private guard (file: JsonElement) =
        let number format (key: string) (row: JsonElement) =
            (row.GetProperty key).GetDouble().ToString(format, CultureInfo.InvariantCulture)

        [
            for row in file.GetProperty("rows").EnumerateArray() ->
                [
                    "Transformer " + text "model" row
                    number "0.000" "guardedMs" row
                    number "0.000" "unguardedMs" row
                    number "0.0" "stepMs" row
                    number "0.00" "percent" row + " %"
                ]
        ]
        |> Tables.table
            "guard"
            [ "Model"; "Optimizer with guard, ms"; "Without, ms"; "Whole step, ms"; "Guard's share" ]

    let private stored path (show: JsonElement -> string) =
        if File.Exists path then
            use file = JsonDocument.Parse(File.ReadAllText path)
            show file.RootElement
        else
            "<p>Not measured yet.</p>"

    let private put (document: IDocument) (id: string) content =
        match document.GetElementById id with
        | null -> failwith $"docs/promises.md has no <div id=\"{id}\"></div> to put the figures into."
        | place -> place.InnerHtml <- content

    /// Puts every figure where docs/promises.md asks for it; all figures must be asked for.
    let fill (root: string) (document: IDocument) =
        let long = Path.Combine(root, "tests", "results", "long.json")
        put document "long-run" (stored long origins)
        put document "guard" (stored (Path.Combine(root, "tests", "Bench", "results", "guard.json")) guard)
        let places = List.ofSeq (document.QuerySelectorAll "[data-promise]")
        let promise (place: IElement) = string (place.GetAttribute "data-promise")

        for place in places do
            place.InnerHtml <-
                stored long (fun runs ->
                    match figures (promise place) runs with
                    | [] -> failwith $"the last long run has no figures of '{promise place}'; run it again."
                    | rows -> Tables.table "evidence" [ "Figure"; "Last long run"; "Commit" ] rows)

        stored long (fun runs ->
            for run in runs.EnumerateArray() do
                for figure in run.GetProperty("Figures").EnumerateArray() do
                    let name = (figure.GetProperty "Promise").GetString()

                    if not (List.exists (fun place -> promise place = name) places) then
                        failwith $"docs/promises.md has no place for the figures of '{name}'."

            "")
        |> ignore
