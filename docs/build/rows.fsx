namespace Hybrid.Docs

open AngleSharp.Dom

/// The two columns of a script: each run of notes stands beside the run of code and output that follows it.
[<RequireQualifiedAccess>]
module Rows =
    let private belongsRight (element: IElement) =
        element.Matches "pre, .copyable, figure, .table-box:has(> table.results)"

    let private isHeading (element: IElement) = element.Matches "h1, h2, h3, h4"

    let private row (document: IDocument) (elements: IElement list) =
        let column name elements =
            let column = document.CreateElement "div"
            column.ClassName <- name

            for element: IElement in elements do
                column.AppendChild element |> ignore

            column

        let code, notes = List.partition belongsRight elements
        let row = document.CreateElement "div"
        row.ClassName <- "row"

        if elements.Head.LocalName = "h2" then
            row.ClassList.Add "section"

        if elements.Head.Id = "References" then
            row.ClassList.Add "references"

        match notes, code with
        | notes, [] ->
            row.ClassList.Add "notes-only"
            row.AppendChild(column "note" notes) |> ignore
        | [], code ->
            row.ClassList.Add "code-only"
            row.AppendChild(column "code" code) |> ignore
        | notes, code ->
            row.AppendChild(column "note" notes) |> ignore
            row.AppendChild(column "code" code) |> ignore

        row

    let private isFolded (element: IElement) = element.LocalName = "details"

    /// A row ends before notes that follow code, and before a heading unless nothing but headings stands above it. A solution that follows the
    /// code of its exercise has a row of its own, and one that follows the text ends a row, or it would stand beside the code of the next exercise.
    let private startsRow (soFar: IElement list) (element: IElement) =
        if belongsRight element then
            not soFar.IsEmpty && List.forall isFolded soFar
        else
            List.exists belongsRight soFar
            || isHeading element && not (List.forall isHeading soFar)
            || List.exists isFolded soFar && not (isFolded element)

    let pair (document: IDocument) =
        let content = document.GetElementById "content"

        let rows, last =
            (([], []), List.ofSeq content.Children)
            ||> List.fold (fun (rows, soFar) element ->
                if startsRow soFar element then soFar :: rows, [ element ] else rows, soFar @ [ element ])

        for elements in List.rev (last :: rows) do
            if not elements.IsEmpty then
                content.AppendChild(row document elements) |> ignore
