namespace Hybrid.Docs

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open System.Security.Cryptography
open System.Text.RegularExpressions
open AngleSharp.Dom

/// Fills the page on data and licences from what lies in the repository: every set with its files, and what the site brings along.
[<RequireQualifiedAccess>]
module Data =
    /// A folder with a SOURCE.md, whose head of lines "key: value" is followed by a text.
    type private Source = { Folder: string; Name: string; Fields: Map<string, string>; Text: string }

    let private folders parent =
        Directory.GetDirectories parent
        |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
        |> List.ofArray

    let private source (folder: string) =
        let name = Path.GetFileName folder
        let file = Path.Combine(folder, "SOURCE.md")

        if not (File.Exists file) then
            Error $"{name} has no SOURCE.md; say there where it comes from and under which licence."
        else
            let text = File.ReadAllText(file).ReplaceLineEndings "\n"
            let fields, text = Pages.frontMatter "" text |> Option.defaultValue (Map.empty, text)
            Ok { Folder = folder; Name = name; Fields = fields; Text = text.Trim() }

    let private legalTexts (source: Source) =
        [ "LICENSE*"; "COPYRIGHT*" ]
        |> List.collect (fun pattern -> List.ofArray (Directory.GetFiles(source.Folder, pattern)))
        |> List.sort

    let private lines (stream: Stream) isCounted =
        use reader = new StreamReader(stream)

        Seq.unfold (fun () -> reader.ReadLine() |> Option.ofObj |> Option.map (fun line -> line, ())) ()
        |> Seq.filter isCounted
        |> Seq.length

    /// The big-endian numbers at the start of an IDX file, behind its type: how many elements, and the size of each.
    let private sizes (stream: Stream) count =
        let header = Array.zeroCreate<byte>(4 + 4 * count)
        stream.ReadExactly(header, 0, header.Length)
        [ for i in 1..count -> BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(header, 4 * i, 4)) ]

    /// What the file holds, as counted in it.
    let private content (file: string) =
        use packed = new GZipStream(File.OpenRead file, CompressionMode.Decompress)
        let name = Path.GetFileName file

        if name.EndsWith ".tsv.gz" then
            Tables.count (lines packed (fun _ -> true)) "pair" "pairs"
        elif name.Contains "images-idx3" then
            match sizes packed 3 with
            | [ count; height; width ] -> Tables.count count "image" "images" + $" of {height}×{width}"
            | _ -> ""
        elif name.Contains "labels-idx1" then
            Tables.count (sizes packed 1).Head "label" "labels"
        elif name.EndsWith ".bpe.gz" then
            Tables.count (lines packed (fun line -> not (line.StartsWith "#version"))) "merge" "merges"
        else
            Tables.count (lines packed (fun _ -> true)) "line" "lines"

    let private files (source: Source) =
        [
            for file in Directory.GetFiles(source.Folder, "*.gz") |> Array.sort do
                let bytes = File.ReadAllBytes file
                let size = Tables.count ((bytes.Length + 512) / 1024) "KB" "KB"
                let hash = Convert.ToHexStringLower(SHA256.HashData bytes)
                [ Path.GetFileName file; content file; size; $"<code class=\"hash\">{hash}</code>" ]
        ]
        |> Tables.cards "files" [ "File"; "Holds"; "Size"; "SHA-256" ]

    /// The functions of the prelude that read a set: those that name its folder, and those that call one of these.
    let private readers (root: string) (set: string) =
        let functions =
            [
                for file in Directory.GetFiles(Path.Combine(root, "scripts", "prelude"), "*.fs") do
                    let modules = Regex.Split(File.ReadAllText file, @"(?m)^module (\w+) =")

                    for index in 1..2 .. modules.Length - 2 do
                        let parts = Regex.Split(modules[index + 1], @"(?m)^    let (\w+)")

                        for at in 1..2 .. parts.Length - 2 do
                            $"{modules[index]}.{parts[at]}", parts[at + 1]
            ]

        let reads (known: Set<string>) (text: string) =
            Regex.IsMatch(text, $"\"{Regex.Escape set}[/\"]")
            || known |> Set.exists (fun name -> Regex.IsMatch(text, $@"\b{Regex.Escape name}\b"))

        let rec grow known =
            let grown =
                Set
                    [
                        for name, text in functions do
                            if reads known text then
                                name
                    ]

            if grown = known then reads known else grow grown

        grow Set.empty

    let private users root (pages: SourcePage list) (source: Source) =
        let reads: string -> bool = readers root source.Name

        match pages |> List.filter (fun page -> reads (File.ReadAllText page.File)) with
        | [] ->
            let tests = Directory.GetFiles(Path.Combine(root, "tests"), "*.fs", SearchOption.AllDirectories)
            if Array.exists (File.ReadAllText >> reads) tests then "tests only" else "nothing"
        | pages ->
            [
                for page in pages do
                    let title = Tables.encode (page.Field "title")
                    $"<a href=\"{page.Name}.html\">{title}</a>"
            ]
            |> String.concat ", "

    /// Copies the licences into the site and links to them.
    let private licences (site: string) (source: Source) =
        [
            for file in legalTexts source do
                let target = $"content/licences/{source.Name}/{Path.GetFileName file}.txt"
                let path = Path.Combine(site, target)
                Directory.CreateDirectory(Path.GetDirectoryName path) |> ignore
                File.Copy(file, path, true)
                $"<a href=\"{target}\">{Path.GetFileName file}</a>"
        ]
        |> String.concat ", "

    let private heading (id: string) title = $"<h3 id=\"{id}\">{Tables.encode title}</h3>"

    let private notes (source: Source) =
        $"<details><summary>Source and making</summary><p class=\"notes\">{Tables.encode source.Text}</p></details>"

    let private set root site pages (source: Source) =
        let field key = Tables.encode source.Fields[key]
        let row (name, value) = $"<dt>{name}</dt><dd>{value}</dd>"

        let facts =
            [
                "What", field "what"
                "From", field "from"
                "Licence", field "licence" + $" ({licences site source})"
                "Used by", users root pages source
            ]
            |> List.map row
            |> String.concat ""

        heading source.Name source.Fields["name"]
        + $"<dl class=\"facts\">{facts}</dl>{files source}{notes source}"

    /// Software of others that the site carries along, each with its licence beside it; plotly.js lies in Plotly.NET.
    let private software site (sources: Source list) =
        let row (source: Source) = [ source.Name; Tables.encode source.Text; licences site source ]

        let text =
            "plotly.js 2.28.0, from the resources of the NuGet package Plotly.NET, and under the licence that lies there beside it."

        let plotly = [ "plotly"; text; "<a href=\"content/vendor/plotly.LICENSE.txt\">LICENSE</a>" ]
        Tables.cards "software" [ "Name"; "What and from where"; "Licence" ] (List.map row sources @ [ plotly ])

    /// Fills docs/data.md; complains of a set or a library without source or licence.
    let fill root site (pages: SourcePage list) (document: IDocument) =
        let read parent = folders (Path.Combine(root, parent)) |> List.map (fun folder -> parent, source folder)
        let found = read "scripts/data" @ read "docs/content/vendor"

        let complaints =
            [
                for parent, found in found do
                    match found with
                    | Error complaint -> $"{parent}/{complaint}"
                    | Ok source ->
                        if (legalTexts source).IsEmpty then
                            $"{parent}/{source.Name} has no LICENSE; put the text beside what it is about."

                        for key in (if parent = "scripts/data" then [ "name"; "what"; "from"; "licence" ] else []) do
                            if not (source.Fields.ContainsKey key) then
                                $"{parent}/{source.Name}/SOURCE.md does not say '{key}: ...' between two lines of --- at its start."
            ]

        let under parent =
            [
                for place, found in found do
                    if place = parent then
                        yield! Option.toList (Result.toOption found)
            ]

        if not complaints.IsEmpty then
            complaints
        else
            let sets = under "scripts/data" |> List.map (set root site pages) |> String.concat "\n"

            [
                yield! Tables.put "data" "data-sets" sets document
                yield! Tables.put "data" "software" (software site (under "docs/content/vendor")) document
            ]
