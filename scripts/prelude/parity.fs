namespace Hybrid.Scripts

open System.Globalization
open System.IO
open System.Text.Json

/// What the comparison with PyTorch found when it was last run; the pages show its figures and do not run it.
[<AutoOpen>]
module Parity =
    /// A table of the rules, layers, optimizers and models named, all of them if none is named; a check fails for each that has
    /// not been compared.
    let parity (names: string list) =
        use file = JsonDocument.Parse(File.ReadAllText(Path.Combine(Host.root, "scripts", "results", "parity.json")))

        let text (element: JsonElement) (key: string) = element.GetProperty(key).ToString()

        let error (row: JsonElement) (precision: string) (direction: string) =
            let worst =
                match row.GetProperty precision with
                | distance when distance.ValueKind = JsonValueKind.Null -> distance
                | distance -> distance.GetProperty direction

            match worst.ValueKind with
            | JsonValueKind.Number -> worst.GetDouble().ToString("0.0e+0", CultureInfo.InvariantCulture)
            | _ -> "–"

        let all = List.ofSeq (file.RootElement.GetProperty("rows").EnumerateArray())

        for missing in List.except [ for row in all -> text row "name" ] names do
            holds
                $"{missing} is compared with PyTorch: in tests/Parity, then dotnet fsi tests/Parity/run.fsx -- --store"
                false

        let rows =
            [
                for row in all do
                    if names.IsEmpty || List.contains (text row "name") names then
                        [
                            $"""{text row "kind"} {text row "name"}"""
                            text row "cases"
                            error row "double" "forward"
                            error row "double" "backward"
                            error row "single" "forward"
                            error row "single" "backward"
                        ]
            ]

        table [ "compared"; "cases"; "double, forward"; "double, backward"; "single, forward"; "single, backward" ] rows
