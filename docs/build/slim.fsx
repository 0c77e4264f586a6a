namespace Hybrid.Docs

open AngleSharp.Dom

/// Takes from a page what no reader sees or reads, so that it loads fast.
[<RequireQualifiedAccess>]
module Slim =
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

    /// Tips, and what leads to them.
    let tips (document: IDocument) =
        let asked =
            set [ for name in document.QuerySelectorAll "[data-fsdocs-tip]" -> name.GetAttribute "data-fsdocs-tip" ]

        for name in document.QuerySelectorAll "[data-fsdocs-tip-unique]" do
            name.RemoveAttribute "data-fsdocs-tip-unique" |> ignore

        for tip in List.ofSeq (document.QuerySelectorAll ".fsdocs-tip") do
            if asked.Contains tip.Id then cut tip else tip.Remove()
