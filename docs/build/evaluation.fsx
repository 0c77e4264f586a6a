namespace Hybrid.Docs

open System.IO
open System.Text.Json
open System.Text.RegularExpressions

/// Evaluates scripts, a process each, and puts what their cells show among their notes.
[<RequireQualifiedAccess>]
module Evaluation =
    /// What the end mark of a page says against it.
    let complaints name (mark: string) =
        if not (File.Exists mark) then
            [
                $"{name}: the page did not run to its end, which is: finish page. Run dotnet fsi scripts/{name}.fsx to see why."
            ]
        else
            use document = JsonDocument.Parse(File.ReadAllText mark)

            [
                for check in document.RootElement.GetProperty("checks").EnumerateArray() do
                    if not (check.GetProperty("passed").GetBoolean()) then
                        let text (key: string) = check.GetProperty(key).ToString()
                        let checkName, measured, bound = text "name", text "measured", text "bound"
                        $"{name}: the check '{checkName}' failed: {measured} exceeds {bound}."
            ]

    /// The build's own part in what comes out.
    let private tools root =
        Path.Combine(root, "docs", "evaluate.fsx")
        :: [
            for file in [ "literate"; "cells"; "colours"; "session"; "evaluation" ] ->
                Path.Combine(root, "docs", "build", file + ".fsx")
        ]

    let private core root =
        Cache.files root "core" [ "*.cs"; "*.csproj" ]
        @ List.ofArray (Directory.GetFiles(root, "Directory.*"))

    /// The cache's name and hash of a page. It depends on its cells, what they load, the core, and all data, but not on its notes.
    let key root mode (page: SourcePage) =
        let shared = Cache.files root (Path.Combine("scripts", "prelude")) [ "*.fs"; "*.fsproj"; "*.json" ]

        let loads = [ for name in [ "ensure.fsx"; "prelude.fsx" ] -> Path.Combine(root, "scripts", name) ]

        let data =
            [
                for folder in [ "data"; "results" ] do
                    yield! Cache.files root (Path.Combine("scripts", folder)) [ "*.*" ]
            ]

        let cells =
            [ for cell in Cells.code (File.ReadAllText page.File) -> $"{cell.Code}\n{cell.IsHidden}{cell.Shown}" ]

        $"{page.Name}-{mode}", Cache.hash root (mode :: cells) (tools root @ core root @ shared @ loads @ data)

    /// What was kept of a page and is still what would come out.
    let kept root mode page =
        let name, hash = key root mode page
        let entry = Cache.entry root name hash
        if Directory.Exists entry then Some entry else None

    let private cellsFile name = name + ".cells.json"

    /// Evaluates one page: the folder with its cells, ledger and end mark, or what is wrong with it.
    let page root mode (page: SourcePage) =
        // Taken before the run: what is edited while it goes on is not what ran.
        let name, hash = key root mode page
        let results = Path.Combine(Cache.staging root, "results", page.Name)

        if Directory.Exists results then
            Directory.Delete(results, true)

        Directory.CreateDirectory results |> ignore

        let variables =
            [
                yield! [ "HYBRID_SITE", "1"; "HYBRID_MODE", mode; "HYBRID_OUT", results ]
                // A quick run is over before code that is compiled to measure itself first pays: it takes an eighth of the time.
                if mode = "quick" then
                    "DOTNET_TieredPGO", "0"
            ]

        let evaluate = Path.Combine(root, "docs", "evaluate.fsx")
        let arguments = [ "fsi"; evaluate; page.Name; Path.Combine(results, cellsFile page.Name) ]

        match Command.run root variables "dotnet" arguments with
        | 0, _ ->
            match complaints page.Name (Path.Combine(results, page.Name + ".end.json")) with
            | [] ->
                Cache.keep root name hash results
                Ok(Cache.entry root name hash)
            | complaints -> Error complaints
        | _, messages -> Error [ $"{page.Name}: {messages.Trim()}" ]

    /// The bare HTML of a page: that of its notes, with what its cells show in their places.
    let fill (page: SourcePage) (folder: string) (notes: string) =
        use document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, cellsFile page.Name)))
        let text (element: JsonElement) = element.GetString()
        let cells = [| for cell in document.RootElement.GetProperty("cells").EnumerateArray() -> text cell |]
        let tips = text (document.RootElement.GetProperty "tips")

        Regex
            .Replace(notes, """<div data-cell="(\d+)"></div>""", fun place -> cells[int place.Groups[1].Value])
            .Replace("<div id=\"tips\">", "<div id=\"tips\">" + tips)
