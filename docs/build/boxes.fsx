namespace Hybrid.Docs

open System.Text.RegularExpressions
open AngleSharp.Dom

/// Tables: each in a box that scrolls in itself, numbers flush right, and what a paper says beside what we did.
[<RequireQualifiedAccess>]
module Boxes =
    let private number =
        Regex @"^(?:[−+-]?[\d.,  ]*\d(?:[eE][−+-]?\d+)?\s?(?:%|×)?(?:\s?±\s?[\d.]+)?|NaN|[−-]?(?:∞|Infinity)|–|—)?$"

    let private says = Regex(@"^the papers?( says?)?$", RegexOptions.IgnoreCase)

    let private cells (row: IElement) = List.ofSeq row.Children

    /// What a browser would break at a blank, and how it reads unbroken: a number and its unit, the value of a name, a margin.
    let private joints =
        [
            @"(?<=\d) (?=(?:%|×|[kKMG]|[nµm]?s|min|h|[kKMG]i?B|GF/s|px|nats?)(?![\w/]))"
            @"(?<=[\w)]) (?==)|(?<=[\w)] ?=) (?=[−+-]?[\d.])"
            @"(?<=\d) (?=±)|(?<=±) (?=\d)"
        ]
        |> String.concat "|"

    /// A hyphen that is the sign of a number or of an exponent.
    let private sign = @"(?<![\w)\]-])-(?=\.?\d|∞|Infinity)|(?<=\d[eE])-(?=\d)"

    /// Numbers with a sign of their own, which no browser breaks.
    let private joinNumbers (table: IElement) =
        for cell in table.QuerySelectorAll "td" do
            for text in List.ofSeq (cell.Descendants<IText>()) do
                if isNull (text.ParentElement.Closest "code, pre, .math, script") then
                    let joined = Regex.Replace(Regex.Replace(text.Data, sign, "−"), joints, "\u00a0")

                    if joined <> text.Data then
                        text.Data <- joined

    /// From six columns on, a table of results is set smaller, so that it fits beside the notes. Short names at the start of a row stay in one line.
    let private fit (table: IElement) =
        let isMany = table.QuerySelectorAll("thead th").Length > 5
        let longestName = if isMany then 14 else 20

        if isMany then
            table.ClassList.Add "many"

            for words in table.QuerySelectorAll "tbody td.short:last-child" do
                words.ClassList.Remove "short"

        for cell in table.QuerySelectorAll "tbody td:nth-child(-n + 2)" do
            if cell.TextContent.Length <= longestName then
                cell.ClassList.Add "short"

    /// Columns of numbers, with a few words among them perhaps, and those of a word or two, which do not break.
    let private alignNumbers (table: IElement) =
        let rows = [ for row in table.QuerySelectorAll "tbody > tr" -> cells row ]

        for i, header in List.indexed (List.ofSeq (table.QuerySelectorAll "thead th")) do
            let column = rows |> List.choose (List.tryItem i)
            let texts = [ for cell in column -> cell.TextContent.Trim() ]

            let filled = texts |> List.filter ((<>) "")
            let numbers, others = filled |> List.partition number.IsMatch
            let areShort = others |> List.forall (fun text -> text.Length <= 14)

            if numbers.Length > others.Length && areShort then
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
                joinNumbers element
                alignNumbers element
                label element

                if element.ClassList.Contains "results" then
                    fit element

                let box = document.CreateElement "div"
                box.ClassName <- "table-box"

                if element.ClassList.Contains "paper-says" then
                    box.ClassList.Add "paper-says-box"

                box.SetAttribute("data-name", $"Table of {section}")
                element.Replace box
                box.AppendChild element |> ignore
