namespace Hybrid.Docs

open System
open System.Text.RegularExpressions
open AngleSharp.Dom
open AngleSharp.Html

/// Takes from a page what no reader sees or reads, so that it loads fast: half of a page of code would be marks.
[<RequireQualifiedAccess>]
module Slim =
    /// The classes to which docs/content/code.css gives a colour.
    let private coloured =
        set [ "k"; "pp"; "s"; "pf"; "n"; "rt"; "vt"; "if"; "m"; "d"; "en"; "uc"; "fn"; "prop"; "c" ]

    /// In code, names keep their tips, and words their colours; punctuation needs no mark. In Markdown, fsdocs numbers the places of a tip, which nobody asks for.
    let code (document: IDocument) =
        for mark in document.QuerySelectorAll "pre span" do
            mark.RemoveAttribute "data-fsdocs-tip-unique" |> ignore

            match mark.GetAttribute "data-fsdocs-tip" with
            | null -> ()
            | tip ->
                mark.RemoveAttribute "data-fsdocs-tip" |> ignore
                mark.SetAttribute("data-tip", tip)

            if String.IsNullOrEmpty mark.Id && not (coloured.Contains(string mark.ClassName)) then
                if mark.HasAttribute "data-tip" then
                    mark.RemoveAttribute "class" |> ignore
                else
                    mark.Replace(Array.ofSeq mark.ChildNodes)

    let private longest = 600

    /// A tip that says more than anybody reads while the pointer rests on a name, all forms of a method for instance, ends at a line of its own.
    let private cut (tip: IElement) =
        let rec keep length (nodes: INode list) =
            match nodes with
            | line :: rest when line.NodeName = "BR" && length > longest -> line :: rest
            | node :: rest -> keep (length + node.TextContent.Length) rest
            | [] -> []

        match keep 0 (List.ofSeq tip.ChildNodes) with
        | [] -> ()
        | surplus ->
            let lines = surplus |> List.filter (fun node -> node.NodeName = "BR") |> List.length

            for node in List.tail surplus do
                tip.RemoveChild node |> ignore

            tip.Append(tip.Owner.CreateTextNode $"and %d{lines} more lines")

    /// No tip is longer than anybody reads, and none is there that no name asks for.
    let tips (document: IDocument) =
        let asked = set [ for name in document.QuerySelectorAll "[data-tip]" -> name.GetAttribute "data-tip" ]

        for tip in List.ofSeq (document.QuerySelectorAll ".fsdocs-tip") do
            if asked.Contains tip.Id then cut tip else tip.Remove()

    /// Writes HTML with quotes only where an attribute needs them.
    let formatter =
        { new HtmlMarkupFormatter() with
            override _.Attribute attribute =
                let text = base.Attribute attribute

                if Regex.IsMatch(attribute.Value, @"^[\w-]+$", RegexOptions.ECMAScript) then
                    text.Replace("\"", "")
                else
                    text
        }
