; ModuleID = 'counter.c'
source_filename = "counter.c"
target datalayout = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
target triple = "bpf"

%struct.anon = type { ptr, ptr, ptr, ptr }

@counts = dso_local global %struct.anon zeroinitializer, section ".maps", align 8, !dbg !0
@_license = dso_local global [4 x i8] c"GPL\00", section "license", align 1, !dbg !18
@llvm.compiler.used = appending global [3 x ptr] [ptr @_license, ptr @count, ptr @counts], section "llvm.metadata"

; Function Attrs: nounwind
define dso_local range(i32 0, 3) i32 @count(ptr nocapture noundef readonly %0) #0 section "xdp" !dbg !59 {
  %2 = alloca i32, align 4, !DIAssignID !79
    #dbg_assign(i1 undef, !77, !DIExpression(), !79, ptr %2, !DIExpression(), !80)
    #dbg_value(ptr %0, !72, !DIExpression(), !80)
  %3 = load i32, ptr %0, align 4, !dbg !81, !tbaa !82
  %4 = zext i32 %3 to i64, !dbg !87
  %5 = inttoptr i64 %4 to ptr, !dbg !88
    #dbg_value(ptr %5, !73, !DIExpression(), !80)
  %6 = getelementptr inbounds i8, ptr %0, i64 4, !dbg !89
  %7 = load i32, ptr %6, align 4, !dbg !89, !tbaa !90
  %8 = zext i32 %7 to i64, !dbg !91
  %9 = inttoptr i64 %8 to ptr, !dbg !92
    #dbg_value(ptr %9, !76, !DIExpression(), !80)
  %10 = getelementptr inbounds i8, ptr %5, i64 14, !dbg !93
  %11 = icmp ugt ptr %10, %9, !dbg !95
  br i1 %11, label %22, label %12, !dbg !96

12:                                               ; preds = %1
  call void @llvm.lifetime.start.p0(i64 4, ptr nonnull %2) #2, !dbg !97
  %13 = getelementptr inbounds i8, ptr %5, i64 12, !dbg !98
  %14 = load i8, ptr %13, align 1, !dbg !98, !tbaa !99
  %15 = zext i8 %14 to i32, !dbg !98
  store i32 %15, ptr %2, align 4, !dbg !100, !tbaa !101, !DIAssignID !102
    #dbg_assign(i32 %15, !77, !DIExpression(), !102, ptr %2, !DIExpression(), !80)
  %16 = call ptr inttoptr (i64 1 to ptr)(ptr noundef nonnull @counts, ptr noundef nonnull %2) #2, !dbg !103
    #dbg_value(ptr %16, !78, !DIExpression(), !80)
  %17 = icmp eq ptr %16, null, !dbg !104
  br i1 %17, label %21, label %18, !dbg !106

18:                                               ; preds = %12
  %19 = load i64, ptr %16, align 8, !dbg !107, !tbaa !108
  %20 = add i64 %19, 1, !dbg !107
  store i64 %20, ptr %16, align 8, !dbg !107, !tbaa !108
  br label %21, !dbg !110

21:                                               ; preds = %18, %12
  call void @llvm.lifetime.end.p0(i64 4, ptr nonnull %2) #2, !dbg !111
  br label %22

22:                                               ; preds = %1, %21
  %23 = phi i32 [ 2, %21 ], [ 0, %1 ], !dbg !80
  ret i32 %23, !dbg !111
}

; Function Attrs: mustprogress nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.start.p0(i64 immarg, ptr nocapture) #1

; Function Attrs: mustprogress nocallback nofree nosync nounwind willreturn memory(argmem: readwrite)
declare void @llvm.lifetime.end.p0(i64 immarg, ptr nocapture) #1

attributes #0 = { nounwind "frame-pointer"="all" "no-trapping-math"="true" "stack-protector-buffer-size"="8" }
attributes #1 = { mustprogress nocallback nofree nosync nounwind willreturn memory(argmem: readwrite) }
attributes #2 = { nounwind }

!llvm.dbg.cu = !{!2}
!llvm.module.flags = !{!53, !54, !55, !56, !57}
!llvm.ident = !{!58}

!0 = !DIGlobalVariableExpression(var: !1, expr: !DIExpression())
!1 = distinct !DIGlobalVariable(name: "counts", scope: !2, file: !3, line: 10, type: !32, isLocal: false, isDefinition: true)
!2 = distinct !DICompileUnit(language: DW_LANG_C11, file: !3, producer: "Debian clang version 19.1.7 (3~deb12u1)", isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug, enums: !4, retainedTypes: !14, globals: !17, splitDebugInlining: false, nameTableKind: None)
!3 = !DIFile(filename: "counter.c", directory: "src/object/testdata", checksumkind: CSK_MD5, checksum: "f2ccdc557135c10da7c95fa38c8d525b")
!4 = !{!5}
!5 = !DICompositeType(tag: DW_TAG_enumeration_type, name: "xdp_action", file: !6, line: 6089, baseType: !7, size: 32, elements: !8)
!6 = !DIFile(filename: "/usr/include/linux/bpf.h", directory: "", checksumkind: CSK_MD5, checksum: "8ab7bf195d20e2851bf1a9e5b71245ca")
!7 = !DIBasicType(name: "unsigned int", size: 32, encoding: DW_ATE_unsigned)
!8 = !{!9, !10, !11, !12, !13}
!9 = !DIEnumerator(name: "XDP_ABORTED", value: 0)
!10 = !DIEnumerator(name: "XDP_DROP", value: 1)
!11 = !DIEnumerator(name: "XDP_PASS", value: 2)
!12 = !DIEnumerator(name: "XDP_TX", value: 3)
!13 = !DIEnumerator(name: "XDP_REDIRECT", value: 4)
!14 = !{!15, !16}
!15 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: null, size: 64)
!16 = !DIBasicType(name: "long", size: 64, encoding: DW_ATE_signed)
!17 = !{!18, !0, !24}
!18 = !DIGlobalVariableExpression(var: !19, expr: !DIExpression())
!19 = distinct !DIGlobalVariable(name: "_license", scope: !2, file: !3, line: 23, type: !20, isLocal: false, isDefinition: true)
!20 = !DICompositeType(tag: DW_TAG_array_type, baseType: !21, size: 32, elements: !22)
!21 = !DIBasicType(name: "char", size: 8, encoding: DW_ATE_signed_char)
!22 = !{!23}
!23 = !DISubrange(count: 4)
!24 = !DIGlobalVariableExpression(var: !25, expr: !DIExpression(DW_OP_constu, 1, DW_OP_stack_value))
!25 = distinct !DIGlobalVariable(name: "bpf_map_lookup_elem", scope: !2, file: !26, line: 56, type: !27, isLocal: true, isDefinition: true)
!26 = !DIFile(filename: "/usr/include/bpf/bpf_helper_defs.h", directory: "", checksumkind: CSK_MD5, checksum: "ba0039f6acc4710a5f4349e628ddfb60")
!27 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !28, size: 64)
!28 = !DISubroutineType(types: !29)
!29 = !{!15, !15, !30}
!30 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !31, size: 64)
!31 = !DIDerivedType(tag: DW_TAG_const_type, baseType: null)
!32 = distinct !DICompositeType(tag: DW_TAG_structure_type, file: !3, line: 5, size: 256, elements: !33)
!33 = !{!34, !40, !44, !48}
!34 = !DIDerivedType(tag: DW_TAG_member, name: "type", scope: !32, file: !3, line: 6, baseType: !35, size: 64)
!35 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !36, size: 64)
!36 = !DICompositeType(tag: DW_TAG_array_type, baseType: !37, size: 192, elements: !38)
!37 = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)
!38 = !{!39}
!39 = !DISubrange(count: 6)
!40 = !DIDerivedType(tag: DW_TAG_member, name: "key", scope: !32, file: !3, line: 7, baseType: !41, size: 64, offset: 64)
!41 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !42, size: 64)
!42 = !DIDerivedType(tag: DW_TAG_typedef, name: "__u32", file: !43, line: 27, baseType: !7)
!43 = !DIFile(filename: "/usr/include/asm-generic/int-ll64.h", directory: "", checksumkind: CSK_MD5, checksum: "b810f270733e106319b67ef512c6246e")
!44 = !DIDerivedType(tag: DW_TAG_member, name: "value", scope: !32, file: !3, line: 8, baseType: !45, size: 64, offset: 128)
!45 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !46, size: 64)
!46 = !DIDerivedType(tag: DW_TAG_typedef, name: "__u64", file: !43, line: 31, baseType: !47)
!47 = !DIBasicType(name: "unsigned long long", size: 64, encoding: DW_ATE_unsigned)
!48 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", scope: !32, file: !3, line: 9, baseType: !49, size: 64, offset: 192)
!49 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !50, size: 64)
!50 = !DICompositeType(tag: DW_TAG_array_type, baseType: !37, size: 8192, elements: !51)
!51 = !{!52}
!52 = !DISubrange(count: 256)
!53 = !{i32 7, !"Dwarf Version", i32 5}
!54 = !{i32 2, !"Debug Info Version", i32 3}
!55 = !{i32 1, !"wchar_size", i32 4}
!56 = !{i32 7, !"frame-pointer", i32 2}
!57 = !{i32 7, !"debug-info-assignment-tracking", i1 true}
!58 = !{!"Debian clang version 19.1.7 (3~deb12u1)"}
!59 = distinct !DISubprogram(name: "count", scope: !3, file: !3, line: 13, type: !60, scopeLine: 13, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !2, retainedNodes: !71)
!60 = !DISubroutineType(types: !61)
!61 = !{!37, !62}
!62 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !63, size: 64)
!63 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "xdp_md", file: !6, line: 6100, size: 192, elements: !64)
!64 = !{!65, !66, !67, !68, !69, !70}
!65 = !DIDerivedType(tag: DW_TAG_member, name: "data", scope: !63, file: !6, line: 6101, baseType: !42, size: 32)
!66 = !DIDerivedType(tag: DW_TAG_member, name: "data_end", scope: !63, file: !6, line: 6102, baseType: !42, size: 32, offset: 32)
!67 = !DIDerivedType(tag: DW_TAG_member, name: "data_meta", scope: !63, file: !6, line: 6103, baseType: !42, size: 32, offset: 64)
!68 = !DIDerivedType(tag: DW_TAG_member, name: "ingress_ifindex", scope: !63, file: !6, line: 6105, baseType: !42, size: 32, offset: 96)
!69 = !DIDerivedType(tag: DW_TAG_member, name: "rx_queue_index", scope: !63, file: !6, line: 6106, baseType: !42, size: 32, offset: 128)
!70 = !DIDerivedType(tag: DW_TAG_member, name: "egress_ifindex", scope: !63, file: !6, line: 6108, baseType: !42, size: 32, offset: 160)
!71 = !{!72, !73, !76, !77, !78}
!72 = !DILocalVariable(name: "ctx", arg: 1, scope: !59, file: !3, line: 13, type: !62)
!73 = !DILocalVariable(name: "data", scope: !59, file: !3, line: 14, type: !74)
!74 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !75, size: 64)
!75 = !DIBasicType(name: "unsigned char", size: 8, encoding: DW_ATE_unsigned_char)
!76 = !DILocalVariable(name: "end", scope: !59, file: !3, line: 15, type: !74)
!77 = !DILocalVariable(name: "key", scope: !59, file: !3, line: 17, type: !42)
!78 = !DILocalVariable(name: "value", scope: !59, file: !3, line: 18, type: !45)
!79 = distinct !DIAssignID()
!80 = !DILocation(line: 0, scope: !59)
!81 = !DILocation(line: 14, column: 44, scope: !59)
!82 = !{!83, !84, i64 0}
!83 = !{!"xdp_md", !84, i64 0, !84, i64 4, !84, i64 8, !84, i64 12, !84, i64 16, !84, i64 20}
!84 = !{!"int", !85, i64 0}
!85 = !{!"omnipotent char", !86, i64 0}
!86 = !{!"Simple C/C++ TBAA"}
!87 = !DILocation(line: 14, column: 33, scope: !59)
!88 = !DILocation(line: 14, column: 25, scope: !59)
!89 = !DILocation(line: 15, column: 43, scope: !59)
!90 = !{!83, !84, i64 4}
!91 = !DILocation(line: 15, column: 32, scope: !59)
!92 = !DILocation(line: 15, column: 24, scope: !59)
!93 = !DILocation(line: 16, column: 12, scope: !94)
!94 = distinct !DILexicalBlock(scope: !59, file: !3, line: 16, column: 7)
!95 = !DILocation(line: 16, column: 17, scope: !94)
!96 = !DILocation(line: 16, column: 7, scope: !59)
!97 = !DILocation(line: 17, column: 3, scope: !59)
!98 = !DILocation(line: 17, column: 15, scope: !59)
!99 = !{!85, !85, i64 0}
!100 = !DILocation(line: 17, column: 9, scope: !59)
!101 = !{!84, !84, i64 0}
!102 = distinct !DIAssignID()
!103 = !DILocation(line: 18, column: 18, scope: !59)
!104 = !DILocation(line: 19, column: 7, scope: !105)
!105 = distinct !DILexicalBlock(scope: !59, file: !3, line: 19, column: 7)
!106 = !DILocation(line: 19, column: 7, scope: !59)
!107 = !DILocation(line: 19, column: 21, scope: !105)
!108 = !{!109, !109, i64 0}
!109 = !{!"long long", !85, i64 0}
!110 = !DILocation(line: 19, column: 14, scope: !105)
!111 = !DILocation(line: 21, column: 1, scope: !59)
