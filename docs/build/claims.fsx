namespace Hybrid.Docs

open System
open AngleSharp.Dom

/// Links between the ledger and the place where a page settles a claim.
[<RequireQualifiedAccess>]
module Claims =
    /// What a page prints when it settles a claim; else the claim alone stands for it, as it is written down in the code.
    let private phrases (claim: ClaimRow) =
        let _, words = Ledger.kindOf claim.Verdict
        [ $"{words}: {claim.Claim}"; claim.Claim ]

    let private find (document: IDocument) (phrase: string) =
        [
            for code in document.QuerySelectorAll "#content pre" do
                for text in List.ofSeq (code.Descendants<IText>()) do
                    match text.Data.IndexOf(phrase, StringComparison.Ordinal) with
                    | -1 -> ()
                    | place -> text, place, phrase
        ]
        |> List.tryHead

    /// Makes the claim a link to its row, and the target of the link from there.
    let private anchor (page: SourcePage) (document: IDocument) (claim: ClaimRow) =
        match List.tryPick (find document) (phrases claim) with
        | None -> false
        | Some(text, place, phrase) ->
            let words = text.Split place
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
                    $"{report.Page.Name}.html shows the claim '{claim.Claim}' nowhere, so that the ledger cannot link to it; "
                    + "let the page show what settle prints, with include-output."
        ]
