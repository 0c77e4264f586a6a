namespace Hybrid.Docs

open System.Net

/// Tables of the pages that are made from data.
[<RequireQualifiedAccess>]
module Tables =
    let encode (text: string) = WebUtility.HtmlEncode text

    let table classes headers rows =
        let cells tag values = values |> List.map (fun value -> $"<{tag}>{value}</{tag}>") |> String.concat ""
        let head = cells "th" headers
        let line row = "<tr>" + cells "td" row + "</tr>"
        let body = rows |> List.map line |> String.concat "\n"
        $"<table class=\"{classes}\"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"

    let verdict kind words = $"<span class=\"verdict {kind}\">{encode words}</span>"
