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
        |> Tables.cards
            "guard"
            [ "Model"; "Optimizer with guard, ms"; "Without, ms"; "Whole step, ms"; "Guard's share" ]

    /// Puts every figure where docs/promises.md asks for it; complains of figures that are missing, and of such that no place asks for.
    let fill (root: string) (document: IDocument) =
        Tables.useStyle document
        let places = List.ofSeq (document.QuerySelectorAll "[data-promise]")
        let promise (place: IElement) = string (place.GetAttribute "data-promise")
        let longRemedy = "run dotnet run --project tests -c Release -- --long"
        let guardRemedy = "run dotnet run -c Release --project tests/Bench -- guard --store"
        let stored (parts: string list) = Path.Combine(Array.ofList (root :: parts))

        let long =
            Stored.read root (stored [ "tests"; "results"; "long.json" ]) longRemedy (fun runs ->
                let named =
                    [
                        for run in runs.EnumerateArray() do
                            for figure in Stored.items "Figures" run do
                                Stored.text "Promise" figure
                    ]

                origins runs, [ for place in places -> place, figures (promise place) runs ], List.distinct named)

        let guard = Stored.read root (stored [ "tests"; "Bench"; "results"; "guard.json" ]) guardRemedy guard

        [
            match long with
            | Error complaint -> complaint
            | Ok(origins, rows, named) ->
                yield! Tables.put "promises" "long-run" origins document

                for place, rows in rows do
                    if rows.IsEmpty then
                        $"tests/results/long.json has no figures of '{promise place}'; {longRemedy}."

                    place.InnerHtml <- Tables.cards "evidence" [ "Figure"; "Last long run"; "Commit" ] rows

                for name in List.except (List.map promise places) named do
                    $"docs/promises.md has no place for the figures of '{name}'; give it a <div data-promise=\"{name}\"></div>."

            match guard with
            | Error complaint -> complaint
            | Ok table -> yield! Tables.put "promises" "guard" table document
        ]
