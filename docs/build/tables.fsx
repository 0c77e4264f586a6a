namespace Hybrid.Docs

open System
open System.Globalization
open System.Net
open AngleSharp.Dom

/// Tables of the pages that are made from data.
[<RequireQualifiedAccess>]
module Tables =
    let encode (text: string) = WebUtility.HtmlEncode text

    /// The head of a table whose rows become cards on a narrow screen; roles, because such a row is laid out as something else.
    let cardHead headers =
        let cell header = $"<th role=\"columnheader\" scope=\"col\">{header}</th>"
        let cells = headers |> List.map cell |> String.concat ""
        $"<thead role=\"rowgroup\"><tr role=\"row\">{cells}</tr></thead>"

    /// A row of such a table; on a card each value but an empty one stands behind its header.
    let cardRow attributes headers values =
        let cell header value =
            let isEmpty = if value = "" then " class=\"empty\"" else ""
            $"<td role=\"cell\" data-label=\"{encode header}\"{isEmpty}><div>{value}</div></td>"

        let cells = List.map2 cell headers values |> String.concat ""
        $"<tr role=\"row\"{attributes}>{cells}</tr>"

    /// A table whose rows become cards on a narrow screen.
    let cards classes headers rows =
        let body = rows |> List.map (cardRow "" headers) |> String.concat "\n"

        $"<table class=\"cards {classes}\" role=\"table\">{cardHead headers}\n"
        + $"<tbody role=\"rowgroup\">\n{body}\n</tbody></table>"

    let verdict kind words = $"<span class=\"verdict {kind}\">{encode words}</span>"

    /// A word for one, another for all other counts: "1 seed", "3 seeds".
    let count (number: int) one many =
        let words = if number = 1 then one else many
        let digits = number.ToString("#,0", CultureInfo.InvariantCulture)
        $"{digits} {words}"

    /// Some significant digits, as 0.0123 or 1.2 × 10⁻⁷.
    let figure digits (value: float) =
        let size = abs value

        if not (Double.IsFinite value) then
            "not a number"
        elif value <> 0.0 && (size < 1e-3 || size >= 1e6) then
            let exponent = int (floor (log10 size))
            let factor = (value / 10.0 ** float exponent).ToString($"F{digits - 1}", CultureInfo.InvariantCulture)
            $"{factor}\u00a0×\u00a010<sup>{exponent}</sup>".Replace("-", "−")
        else
            let text = value.ToString($"G{digits}", CultureInfo.InvariantCulture)
            // More digits before the point than are significant.
            let text = if text.Contains 'E' then value.ToString("F0", CultureInfo.InvariantCulture) else text
            text.Replace("-", "−")

    /// A time that is easily read: 0.4 s, 43 s, 12 min, 1.5 h.
    let duration (seconds: float) =
        let show (format: string) (value: float) (unit: string) =
            value.ToString(format, CultureInfo.InvariantCulture) + "\u00a0" + unit

        if seconds < 9.95 then show "0.0" seconds "s"
        elif seconds < 99.5 then show "0" seconds "s"
        elif seconds < 5970.0 then show "0" (seconds / 60.0) "min"
        else show "0.0" (seconds / 3600.0) "h"

    /// Puts HTML into the element that a Markdown page keeps free for it, or complains that there is none.
    let put (page: string) (id: string) (html: string) (document: IDocument) =
        match document.GetElementById id with
        | null -> [ $"docs/{page}.md has no <div id=\"{id}\"></div>; the site puts figures there." ]
        | place ->
            place.InnerHtml <- html
            []

    /// The style sheet of the pages that are made from data.
    let useStyle (document: IDocument) =
        let style = document.CreateElement "link"
        style.SetAttribute("rel", "stylesheet")
        style.SetAttribute("href", "content/home.css")
        document.Head.Append style
