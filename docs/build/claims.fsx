namespace Hybrid.Docs

open AngleSharp.Dom

/// Links between the ledger and the place where a page settles a claim.
[<RequireQualifiedAccess>]
module Claims =
    /// What a page prints when it settles a claim, or when it writes one down that it does not settle.
    let private said (claim: ClaimRow) =
        match claim.Verdict with
        | "NotMeasured" -> "Claim: " + claim.Claim
        | "NotReproduced" -> "not reproduced: " + claim.Claim
        | verdict -> verdict.ToLowerInvariant() + ": " + claim.Claim

    let private texts (node: INode) = node.Descendants<IText>() |> List.ofSeq

    /// Makes the printed claim a link to its row, and the target of the link from there.
    let private anchor (page: SourcePage) (document: IDocument) (claim: ClaimRow) =
        let phrase = said claim

        let places =
            [
                for output in document.QuerySelectorAll "#content pre" do
                    for text in texts output do
                        let at = text.Data.IndexOf(phrase, System.StringComparison.Ordinal)

                        if at >= 0 then
                            text, at
            ]

        match places with
        | [] -> false
        | (text, at) :: _ ->
            let words = text.Split at
            words.Split phrase.Length |> ignore
            let link = document.CreateElement "a"
            link.Id <- $"claim-{claim.Number}"
            link.ClassName <- "claim"
            link.SetAttribute("href", $"index.html#{Ledger.rowId page claim}")
            words.Parent.ReplaceChild(link, words) |> ignore
            link.AppendChild words |> ignore
            true

    /// Links each claim of a page with its row of the ledger; complains of a claim that the page shows nowhere.
    let link (report: Report) (document: IDocument) =
        [
            for claim in report.Claims do
                if not (anchor report.Page document claim) then
                    $"{report.Page.Name}.html does not show '{said claim}', so that the ledger cannot link to it; "
                    + "let the page show what settle prints, with include-output."
        ]
