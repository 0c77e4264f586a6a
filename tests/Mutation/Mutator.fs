/// Finds the places where the core can be changed, and writes each change beside the original, behind a switch.
module Hybrid.Mutation.Mutator

open System
open System.Collections.Generic
open System.Globalization
open System.Text.RegularExpressions
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Microsoft.CodeAnalysis.CSharp.Syntax

/// Compiled beside the core. A field instead of a constant: one process tries many mutants.
let switch count =
    "namespace Hybrid.Mutation;
    public static class Switch
    {
        public static int Active;
        public static bool Records;
        public static readonly bool[] Reached = new bool["
    + string (count + 1)
    + "];
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
        public static bool On(int number)
        {
            if (Records) Reached[number] = true;
            return number == Active;
        }
    }"

let private on = "global::Hybrid.Mutation.Switch.On"

let private onCall = Regex(Regex.Escape on + @"\((\d+)\)")

/// The mutants that a piece of rewritten source switches.
let numbersIn (source: string) = [ for call in onCall.Matches source -> int call.Groups[1].Value ]

/// The number of the switch if the node is one that the mutator wrote.
let numberOf (node: SyntaxNode) =
    let first (condition: ExpressionSyntax) = condition.ToString() |> numbersIn |> List.tryHead

    match node with
    | :? ConditionalExpressionSyntax as conditional when
        conditional.Condition.ToString().StartsWith(on, StringComparison.Ordinal)
        ->
        first conditional.Condition
    | :? IfStatementSyntax as statement when
        statement.Condition.ToString().TrimStart('!').StartsWith(on, StringComparison.Ordinal)
        ->
        first statement.Condition
    | _ -> None

let private operators =
    dict
        [
            "+", "-"
            "-", "+"
            "*", "/"
            "/", "*"
            "%", "*"
            "<<", ">>"
            ">>", "<<"
            "&", "|"
            "|", "&"
            "^", "&"
            "&&", "||"
            "||", "&&"
            "<", "<="
            "<=", "<"
            ">", ">="
            ">=", ">"
            "==", "!="
            "!=", "=="
        ]

let private assignments =
    dict
        [
            "+=", [ "-="; "=" ]
            "-=", [ "+="; "=" ]
            "*=", [ "/="; "=" ]
            "/=", [ "*="; "=" ]
            "|=", [ "="; "&=" ]
            "&=", [ "="; "|=" ]
            "=", [ "+=" ]
        ]

let private calls =
    dict
        [
            for one, other in
                [
                    "Max", "Min"
                    "Add", "Subtract"
                    "Multiply", "Divide"
                    "GetLower", "GetUpper"
                    "ZipLower", "ZipUpper"
                    "UnpackLow", "UnpackHigh"
                    "MaxAcross", "SumAcross"
                ] do
                one, other
                other, one
        ]

let private memberOf (node: SyntaxNode) =
    node.Ancestors()
    |> Seq.tryPick (fun ancestor ->
        match ancestor with
        | :? LocalFunctionStatementSyntax as f -> Some f.Identifier.Text
        | :? MethodDeclarationSyntax as m -> Some m.Identifier.Text
        | :? PropertyDeclarationSyntax as p -> Some p.Identifier.Text
        | :? ConstructorDeclarationSyntax as c -> Some c.Identifier.Text
        | :? OperatorDeclarationSyntax as o -> Some("operator " + o.OperatorToken.Text)
        | _ -> None)

/// Runs once, whichever mutant is on then, or has to be a constant.
let private isFixed (node: SyntaxNode) =
    node.Ancestors()
    |> Seq.exists (fun ancestor ->
        match ancestor with
        | :? AttributeSyntax
        | :? ParameterSyntax
        | :? FieldDeclarationSyntax
        | :? ThrowExpressionSyntax
        | :? ThrowStatementSyntax
        | :? InterpolatedStringExpressionSyntax
        | :? PatternSyntax
        | :? CaseSwitchLabelSyntax -> true
        | :? LocalDeclarationStatementSyntax as local -> local.IsConst
        | :? ConstructorDeclarationSyntax as one -> one.Modifiers.Any SyntaxKind.StaticKeyword
        | :? PropertyDeclarationSyntax as property -> not (isNull property.Initializer)
        | _ -> false)

/// Fields and automatic properties of the type that only its constructors can assign, and that hold 0 or null before.
let private assignedByConstructors (declaration: TypeDeclarationSyntax) =
    [
        for one in declaration.Members do
            match one with
            | :? FieldDeclarationSyntax as field when field.Modifiers.Any SyntaxKind.ReadOnlyKeyword ->
                for variable in field.Declaration.Variables do
                    if isNull variable.Initializer then
                        variable.Identifier.Text, field.Declaration.Type
            | :? PropertyDeclarationSyntax as property when isNull property.Initializer ->
                match property.AccessorList with
                | NonNull accessors when
                    accessors.Accessors
                    |> Seq.forall (fun accessor ->
                        isNull accessor.Body
                        && isNull accessor.ExpressionBody
                        && not (accessor.IsKind SyntaxKind.SetAccessorDeclaration))
                    ->
                    property.Identifier.Text, property.Type
                | _ -> ()
            | _ -> ()
    ]

/// True of a constructor's first assignment to a member: what is added to 0 or null there is what would be assigned.
let private isFirstInConstructor (assignment: AssignmentExpressionSyntax) =
    let name =
        match assignment.Left with
        | :? IdentifierNameSyntax as own -> Some own.Identifier.Text
        | :? MemberAccessExpressionSyntax as own when (own.Expression :? ThisExpressionSyntax) ->
            Some own.Name.Identifier.Text
        | _ -> None

    // Itself, unless something lies between that may run it again or later, or at another time.
    let constructor_ =
        assignment.Ancestors()
        |> Seq.tryFind (fun ancestor ->
            not (
                ancestor :? ExpressionStatementSyntax
                || ancestor :? BlockSyntax
                || ancestor :? IfStatementSyntax
                || ancestor :? ElseClauseSyntax
            ))

    match name, constructor_ with
    | Some name, Some(:? ConstructorDeclarationSyntax as constructor_) ->
        let isThis (initializer: ConstructorInitializerSyntax | null) =
            match initializer with
            | NonNull initializer -> initializer.IsKind SyntaxKind.ThisConstructorInitializer
            | _ -> false

        let hides =
            constructor_.ParameterList.Parameters |> Seq.exists (fun one -> one.Identifier.Text = name)
            && assignment.Left :? IdentifierNameSyntax

        let isNamedBefore =
            constructor_.DescendantNodes()
            |> Seq.takeWhile (fun node -> node.SpanStart < assignment.SpanStart)
            |> Seq.exists (fun node ->
                match node with
                | :? AssignmentExpressionSyntax as earlier ->
                    earlier.Left.DescendantNodesAndSelf()
                    |> Seq.exists (fun part ->
                        match part with
                        | :? IdentifierNameSyntax as part -> part.Identifier.Text = name
                        | _ -> false)
                | :? ArgumentSyntax as argument ->
                    argument.RefKindKeyword.IsKind SyntaxKind.None |> not
                    && argument.Expression.ToString().Replace("this.", "") = name
                | :? VariableDeclaratorSyntax as local -> local.Identifier.Text = name
                | _ -> false)

        let isEmptyBefore =
            match constructor_.Parent with
            | :? TypeDeclarationSyntax as declaration ->
                assignedByConstructors declaration
                // Null added to a text of null is an empty one.
                |> List.exists (fun (own, kind) -> own = name && kind.ToString() <> "string?")
            | _ -> false

        isEmptyBefore && not (isThis constructor_.Initializer || hides || isNamedBefore)
    | _ -> false

let private flat (text: string) = Regex.Replace(text, @"\s+", " ")

type private Rewriter(file: string, lines: string[], isWanted: int -> bool, mutants: List<Mutant>, next: unit -> int) =
    inherit CSharpSyntaxRewriter()

    /// Notes a change; its number if it is wanted. Numbers count all changes, so that leaving one out moves no other.
    let note (node: SyntaxNode) (mutated: string) =
        let number = next ()
        let line = node.GetLocation().GetLineSpan().StartLinePosition.Line

        match memberOf node with
        | Some around when not (isFixed node) && isWanted number ->
            mutants.Add
                {
                    Number = number
                    File = file
                    Member = around
                    Line = line + 1
                    Source = lines[line].Trim()
                    Original = flat (node.ToString())
                    Mutated = flat mutated
                }

            Some number
        | _ -> None

    /// The changed text has its children as they were: a mutant differs from the core in one place only.
    let choose (node: ExpressionSyntax) (visited: SyntaxNode) (variants: string list) =
        let switched =
            (visited.ToString(), variants)
            ||> List.fold (fun text variant ->
                match note node variant with
                | Some number -> $"({on}({number}) ? ({variant}) : {text})"
                | None -> text)

        if switched = visited.ToString() then
            visited
        else
            (SyntaxFactory.ParseExpression switched).WithTriviaFrom node :> SyntaxNode

    /// The opposite of a condition. One that declares variables can't be written twice.
    let negate (node: ExpressionSyntax) (visited: SyntaxNode) (opposite: string) =
        if node.DescendantNodes() |> Seq.exists (fun inner -> inner :? DeclarationExpressionSyntax) then
            match note node opposite with
            | Some number ->
                (SyntaxFactory.ParseExpression $"({on}({number}) ^ ({visited}))").WithTriviaFrom node :> SyntaxNode
            | None -> visited
        else
            choose node visited [ opposite ]

    let chooseStatement (node: StatementSyntax) (visited: SyntaxNode) (variants: (string * string) list) =
        let switched =
            (visited.ToString(), variants)
            ||> List.fold (fun text (description, variant) ->
                match note node description with
                | Some number -> $"if ({on}({number})) {{ {variant} }} else {{ {text}\n }}"
                | None -> text)

        if switched = visited.ToString() then
            visited
        else
            (SyntaxFactory.ParseStatement switched).WithTriviaFrom node :> SyntaxNode

    let planted = Marks.planted.Value |> List.filter (fun mark -> mark.File = file)

    /// The faults planted in this very expression or statement.
    let plantedIn (node: SyntaxNode) =
        let line = node.GetLocation().GetLineSpan().StartLinePosition.Line
        let text = lazy flat (node.ToString())

        [
            for mark in planted do
                if mark.Source = lines[line].Trim() && mark.Original = text.Value then
                    mark.Mutated
        ]

    override _.Visit(node: SyntaxNode | null) : SyntaxNode | null =
        let visited = base.Visit node

        match node, visited with
        | (:? ExpressionSyntax as expression), NonNull visited -> choose expression visited (plantedIn expression)
        | (:? ExpressionStatementSyntax as statement), NonNull visited ->
            chooseStatement statement visited [ for text in plantedIn statement -> text, text ]
        | _ -> visited

    override _.VisitBinaryExpression node =
        let visited = base.VisitBinaryExpression node |> nonNull

        match operators.TryGetValue node.OperatorToken.Text with
        | true, other -> choose node visited [ $"{node.Left} {other} {node.Right}" ]
        | _ -> visited

    override _.VisitPrefixUnaryExpression node =
        let visited = base.VisitPrefixUnaryExpression node |> nonNull

        match node.OperatorToken.Text with
        | "!" -> negate node visited (node.Operand.ToString())
        | "-"
        | "~" -> choose node visited [ node.Operand.ToString() ]
        | _ -> visited

    override _.VisitLiteralExpression node =
        let visited = base.VisitLiteralExpression node |> nonNull

        match node.Token.Value with
        | :? bool as value -> choose node visited [ (if value then "false" else "true") ]
        | :? int as value -> choose node visited [ string (value + 1) ]
        | :? float as value ->
            choose node visited [ (value * 1.01 + 0.001).ToString("R", CultureInfo.InvariantCulture) ]
        | _ -> visited

    override _.VisitConditionalExpression node =
        let visited = base.VisitConditionalExpression node |> nonNull
        choose node visited [ $"({node.Condition}) ? ({node.WhenFalse}) : ({node.WhenTrue})" ]

    override _.VisitElementAccessExpression node =
        let visited = base.VisitElementAccessExpression node |> nonNull :?> ElementAccessExpressionSyntax

        match List.ofSeq node.ArgumentList.Arguments, List.ofSeq visited.ArgumentList.Arguments with
        | [ index ], [ visitedIndex ] when
            not (index.Expression :? LiteralExpressionSyntax) && not (index.Expression :? RangeExpressionSyntax)
            ->
            let changed = choose index.Expression visitedIndex.Expression [ $"{index.Expression} + 1" ]

            if obj.ReferenceEquals(changed, visitedIndex.Expression) then
                visited
            else
                let argument = visitedIndex.WithExpression(changed :?> ExpressionSyntax)

                visited.WithArgumentList(
                    visited.ArgumentList.WithArguments(SyntaxFactory.SingletonSeparatedList argument)
                )
            :> SyntaxNode
        | _ -> visited

    override _.VisitInvocationExpression node =
        let visited = base.VisitInvocationExpression node |> nonNull

        let renamed (name: SimpleNameSyntax) =
            match calls.TryGetValue name.Identifier.Text with
            | true, other -> Some(name.WithIdentifier(SyntaxFactory.Identifier other).ToString())
            | _ -> None

        match node.Expression with
        | :? MemberAccessExpressionSyntax as target ->
            match renamed target.Name with
            | Some other -> choose node visited [ $"{target.Expression}.{other}{node.ArgumentList}" ]
            | None -> visited
        | :? SimpleNameSyntax as target ->
            match renamed target with
            | Some other -> choose node visited [ $"{other}{node.ArgumentList}" ]
            | None -> visited
        | _ -> visited

    override _.VisitIfStatement node =
        let visited = base.VisitIfStatement node |> nonNull :?> IfStatementSyntax

        match node.Condition with
        | :? BinaryExpressionSyntax
        | :? PrefixUnaryExpressionSyntax
        | :? IsPatternExpressionSyntax -> visited :> SyntaxNode
        | condition ->
            let changed = negate condition visited.Condition $"!({condition})"
            visited.WithCondition(changed :?> ExpressionSyntax)

    override _.VisitExpressionStatement node =
        let visited = base.VisitExpressionStatement node |> nonNull

        match node.Expression with
        | :? AssignmentExpressionSyntax as assignment when
            not (assignment.Left :? DeclarationExpressionSyntax || assignment.Left :? TupleExpressionSyntax)
            ->
            match assignments.TryGetValue assignment.OperatorToken.Text with
            | true, others ->
                chooseStatement
                    node
                    visited
                    [
                        for other in others do
                            if assignment.OperatorToken.Text <> "=" || not (isFirstInConstructor assignment) then
                                let text = $"{assignment.Left} {other} {assignment.Right};"
                                text, text
                    ]
            | _ -> visited
        | :? InvocationExpressionSyntax -> chooseStatement node visited [ "(left out)", "" ]
        | _ -> visited

/// The source with its mutants behind switches, all but those that are not wanted.
let rewrite file (source: string) isWanted next =
    let mutants = List<Mutant>()
    let root = CSharpSyntaxTree.ParseText(source).GetRoot()
    let rewritten = Rewriter(file, source.Split '\n', isWanted, mutants, next).Visit root |> nonNull
    rewritten.ToFullString(), List.ofSeq mutants
