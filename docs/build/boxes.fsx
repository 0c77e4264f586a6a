namespace Hybrid.Docs

open System.Text.RegularExpressions
open AngleSharp.Dom

/// Tables: each in a box that scrolls in itself, numbers flush right, and what a paper says beside what we did.
[<RequireQualifiedAccess>]
module Boxes =
    let private number = Regex @"^(?:[−+-]?[\d.,  ]*\d(?:e[+-]?\d+)?\s?(?:%|×)?(?:\s?±\s?[\d.]+)?|NaN|[−-]?∞|–|—)?$"
    let private says = Regex(@"^the papers?( says?)?$", RegexOptions.IgnoreCase)

    let private cells (row: IElement) = List.ofSeq row.Children

    /// Columns that hold nothing but numbers, and those of a word or two, which do not break.
    let private alignNumbers (table: IElement) =
        let rows = [ for row in table.QuerySelectorAll "tbody > tr" -> cells row ]

        for i, header in List.indexed (List.ofSeq (table.QuerySelectorAll "thead th")) do
            let column = rows |> List.choose (List.tryItem i)
            let texts = [ for cell in column -> cell.TextContent.Trim() ]

            if texts |> List.forall (fun text -> number.IsMatch text) && List.exists ((<>) "") texts then
                for cell in header :: column do
                    cell.ClassList.Add "number"
            elif texts |> List.forall (fun text -> text.Length <= 14) then
                for cell in column do
                    cell.ClassList.Add "short"

    /// On a phone each row becomes a card, in which every cell says which column it is from.
    let private label (table: IElement) =
        let headers = [ for header in table.QuerySelectorAll "thead th" -> header.TextContent.Trim() ]

        match headers with
        | first :: _ when says.IsMatch first ->
            table.ClassList.Add "paper-says"

            for row in table.QuerySelectorAll "tbody > tr" do
                for header, cell in Seq.zip headers (cells row) do
                    cell.SetAttribute("data-label", header)
        | _ -> ()

    /// The box's name, for readers who reach it with the keyboard to scroll it, is that of its section.
    let wrap (document: IDocument) =
        let mutable section = ""

        for element in List.ofSeq (document.QuerySelectorAll "#content :is(h1, h2, h3, h4), #content table") do
            if element.LocalName <> "table" then
                section <- Headings.text element
            elif isNull (element.ParentElement.Closest "table") then
                alignNumbers element
                label element
                let box = document.CreateElement "div"
                box.ClassName <- "table-box"

                if element.ClassList.Contains "paper-says" then
                    box.ClassList.Add "paper-says-box"

                box.SetAttribute("data-name", $"Table of {section}")
                element.Replace box
                box.AppendChild element |> ignore
