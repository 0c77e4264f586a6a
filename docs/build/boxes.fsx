namespace Hybrid.Docs

open System.Text.RegularExpressions
open AngleSharp.Dom

/// Tables: each in a box that scrolls in itself, numbers flush right, and what a paper says beside what we did.
[<RequireQualifiedAccess>]
module Boxes =
    let private number =
        Regex @"^(?:[−+-]?[\d.,  ]*\d(?:[eE][−+-]?\d+)?\s?(?:%|×)?(?:\s?±\s?[\d.]+)?|NaN|[−-]?(?:Infinity|∞)|–|—)?$"

    let private says = Regex(@"^the papers?( says?)?$", RegexOptions.IgnoreCase)

    let private cells (row: IElement) = List.ofSeq row.Children

    /// A number and its unit, and the sides of an equation, do not part; a minus is none of a line's hyphens.
    let private bind (text: string) =
        let minus = Regex.Replace(text, @"(?<![\w.)])-(?=[\d.∞]|Infinity)|(?<=\d[eE])-(?=\d)", "−")
        let units = Regex.Replace(minus, @"(?<=\d) (?=(?:[^\W\d]{1,2}|GB/s|GF/s)\b|%|×|±)|(?<=±) ", "\u00a0")
        units.Replace(" = ", "\u00a0=\u00a0")

    let private bindAll (table: IElement) =
        for text in List.ofSeq (table.Descendants<IText>()) do
            if isNull (text.ParentElement.Closest "code, .math") then
                text.Data <- bind text.Data

    /// Columns of numbers are flush right, even if a word stands among them; a word or two do not break, nor does a short name at the start of a row.
    let private alignNumbers (table: IElement) =
        let rows = [ for row in table.QuerySelectorAll "tbody > tr" -> cells row ]
        let headers = List.ofSeq (table.QuerySelectorAll "thead th")
        let isMany = table.ClassList.Contains "results" && headers.Length > 5

        if isMany then
            table.ClassList.Add "many"

        for i, header in List.indexed headers do
            let column = rows |> List.choose (List.tryItem i)
            let texts = [ for cell in column -> cell.TextContent.Trim() ]

            let isShort (text: string) = text.Length <= 14
            let told = texts |> List.filter ((<>) "")
            let numbers = told |> List.filter number.IsMatch

            if List.forall isShort told && 2 * numbers.Length > told.Length || told <> [] && numbers = told then
                for cell in header :: column do
                    cell.ClassList.Add "number"
            elif List.forall isShort texts && not (isMany && i = headers.Length - 1) then
                for cell in column do
                    cell.ClassList.Add "short"
            elif i < 2 then
                for cell, text in List.zip column texts do
                    if isShort text then
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
                bindAll element
                alignNumbers element
                label element
                let box = document.CreateElement "div"
                box.ClassName <- "table-box"

                if element.ClassList.Contains "paper-says" then
                    box.ClassList.Add "paper-says-box"

                box.SetAttribute("data-name", $"Table of {section}")
                element.Replace box
                box.AppendChild element |> ignore
