namespace Hybrid.Docs

open AngleSharp.Dom

/// A page loads no style sheet and no script that it has no use for: the template says by a selector what each needs.
[<RequireQualifiedAccess>]
module Assets =
    let trim (document: IDocument) =
        for asset in List.ofSeq (document.QuerySelectorAll "[data-needs]") do
            if isNull (document.QuerySelector(asset.GetAttribute "data-needs")) then
                asset.Remove()
            else
                asset.RemoveAttribute "data-needs" |> ignore
